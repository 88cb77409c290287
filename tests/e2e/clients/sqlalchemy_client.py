"""SQLAlchemy over psycopg2 and asyncpg: catalog queries, ORM, savepoints, streamed results, its pool."""
import asyncio
import datetime
import decimal
import os
import ssl
import threading
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from checks import CANCEL_SECONDS, ROWS, SLEEPING, equal, poll, pooled, section, tls, within

Base = orm.declarative_base(metadata=sa.MetaData(schema="e2e"))


class Author(Base):
    __tablename__ = "author"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.Text, unique=True, nullable=False)
    born = sa.Column(sa.Date)
    seen = sa.Column(sa.DateTime(timezone=True), server_default=sa.func.now())
    tags = sa.Column(pg.ARRAY(sa.Text))
    about = sa.Column(pg.JSONB)
    raw = sa.Column(sa.LargeBinary)
    key = sa.Column(pg.UUID(as_uuid=True), index=True)
    price = sa.Column(sa.Numeric(30, 6), sa.CheckConstraint("price >= 0", name="not_negative"))
    mood = sa.Column(sa.Enum("sad", "happy", name="mood", schema="e2e"))
    pause = sa.Column(sa.Interval)
    books = orm.relationship("Book", back_populates="author", order_by="Book.id")


class Book(Base):
    __tablename__ = "book"
    id = sa.Column(sa.Integer, primary_key=True)
    author_id = sa.Column(sa.ForeignKey("e2e.author.id", ondelete="CASCADE"), index=True)
    title = sa.Column(sa.String(200))
    author = orm.relationship("Author", back_populates="books")


FIELDS = {"born": datetime.date(2024, 2, 29), "seen": datetime.datetime(1999, 12, 31, tzinfo=datetime.timezone.utc),
          "tags": ["a", 'b"c', "", None], "about": {"a": [1, None, "x"]}, "raw": b"\x00\x01\xff'\\", "mood": "happy",
          "price": decimal.Decimal("123456789012345678901234.000001"), "key": uuid.UUID(int=2**100),
          "pause": datetime.timedelta(days=3)}


def fails(function, sqlstate):
    try:
        function()
    except sa.exc.DBAPIError as error:
        original = error.orig
        equal(getattr(original, "sqlstate", None) or getattr(original, "pgcode", None), sqlstate, str(error))
        return
    raise AssertionError(f"no error {sqlstate}")


def schema(engine):
    """Creates and reflects: the queries on the catalog are the dialect's own."""
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)  # everything is there
    inspector = sa.inspect(engine)
    equal(sorted(inspector.get_table_names("e2e")), ["author", "book"])
    equal("public" in inspector.get_schema_names(), True)
    equal([enum["name"] for enum in inspector.get_enums("e2e")], ["mood"])
    equal(inspector.get_view_names("e2e"), [])
    reflected = sa.MetaData()
    reflected.reflect(engine, schema="e2e")
    author, book = reflected.tables["e2e.author"], reflected.tables["e2e.book"]
    equal([column.name for column in author.columns], [column.name for column in Author.__table__.columns])
    equal(isinstance(author.c.price.type, sa.Numeric) and author.c.price.type.precision, 30)
    equal([(key.column.table.name, key.ondelete) for key in book.c.author_id.foreign_keys], [("author", "CASCADE")])
    equal([found["name"] for found in inspector.get_check_constraints("author", "e2e")], ["not_negative"])
    equal(sorted(index.name for index in author.indexes if not index.unique), ["ix_e2e_author_key"])


def objects(engine):
    with orm.Session(engine) as session:
        for number in range(50):
            books = [Book(title=f"book {part}") for part in range(3)]
            session.add(Author(name=f"author {number}", books=books, **FIELDS))
        session.commit()
        author = session.execute(sa.select(Author).where(Author.name == "author 7")).scalar_one()
        for name, value in FIELDS.items():
            equal(getattr(author, name), value, name)
        equal([book.title for book in author.books], ["book 0", "book 1", "book 2"])
        equal(session.query(Author).filter(Author.id.in_(list(range(1, 31)))).count(), 30)
        authors = session.query(Author).options(orm.selectinload(Author.books)).order_by(Author.id).all()
        equal(sum(len(found.books) for found in authors), 150)
        author.name = "changed"
        session.flush()
        session.rollback()
        equal(author.name, "author 7")
        for number in range(15):  # each in a savepoint
            try:
                with session.begin_nested():
                    session.add(Author(name="author 7" if number % 2 else f"nested {number}"))
            except sa.exc.IntegrityError:
                pass
        fails(lambda: session.execute(sa.text("SELEC 1")), "42601")
        session.rollback()
        equal(session.query(Author).filter(Author.name.like("nested%")).count(), 0)
        upsert = pg.insert(Author).values([{"name": "author 7"}, {"name": "new"}])
        upsert = upsert.on_conflict_do_update(index_elements=["name"], set_={"mood": "sad"}).returning(Author.name)
        equal(sorted(session.execute(upsert).scalars()), ["author 7", "new"])
        session.delete(author)
        session.commit()
        equal(session.query(sa.func.count(Book.id)).scalar(), 150)


def core(engine):
    with engine.connect() as connection:
        for number in range(15):
            equal(connection.execute(sa.select(sa.literal(number) + 1)).scalar(), number + 1)
        fails(lambda: connection.execute(sa.text("SELECT 1 / CAST(:zero AS int)"), {"zero": 0}), "22012")
        connection.rollback()
        equal(connection.execute(sa.text("SELECT CAST(:x AS int)"), {"x": None}).scalar(), None)
        text = sa.text("SELECT g, repeat('x', 20) FROM generate_series(1, CAST(:n AS int)) g")
        rows = connection.execute(text, {"n": ROWS}, execution_options={"stream_results": True, "max_row_buffer": 1777})
        equal(sum(row[0] for row in rows), ROWS * (ROWS + 1) // 2)
        many = sa.Table("many", sa.MetaData(), sa.Column("a", sa.Integer, primary_key=True), sa.Column("b", sa.Text),
                        schema="e2e")
    with engine.begin() as connection:
        many.create(connection)
        connection.execute(many.insert(), [{"a": number, "b": f"r{number}"} for number in range(5000)])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        equal(connection.execute(sa.select(sa.func.count()).select_from(many)).scalar(), 5000)
        connection.execute(sa.text("VACUUM e2e.many"))
        fails(lambda: connection.execute(many.insert(), [{"a": 1, "b": "twice"}]), "23505")
        equal(connection.execute(sa.text("SELECT 'next'")).scalar(), "next")
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        equal(connection.execute(sa.text("SHOW transaction_isolation")).scalar(), "serializable")


def pool(engine):
    def work(number):
        with engine.connect() as connection:
            equal(connection.execute(sa.select(sa.literal(number))).scalar(), number)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()
        equal(pooled() or connection.connection.driver_connection.info.backend_pid == pid, True, "the pid of the server session")
    engine.dispose()


def cancelling(engine):
    with engine.connect() as connection, within(CANCEL_SECONDS, "cancel"):
        raw = connection.connection.driver_connection

        def cancel():
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
                poll(lambda: other.execute(sa.text(SLEEPING)).scalar() == 1, "pg_sleep")
            raw.cancel()
        thread = threading.Thread(target=cancel)
        thread.start()
        fails(lambda: connection.execute(sa.text("SELECT pg_sleep(30)")), "57014")
        thread.join()
        connection.rollback()
        equal(connection.execute(sa.text("SELECT 'next'")).scalar(), "next")


async def over_asyncpg():
    security = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"]) if tls() else False
    engine = create_async_engine(url("asyncpg"), connect_args={"ssl": security})
    async with AsyncSession(engine, expire_on_commit=False) as session:
        session.add_all(Author(name=f"async {number}", **FIELDS) for number in range(20))
        await session.commit()
        author = (await session.execute(sa.select(Author).where(Author.name == "async 7"))).scalar_one()
        for name, value in FIELDS.items():
            equal(getattr(author, name), value, name)
        for number in range(15):
            try:
                async with session.begin_nested():
                    session.add(Author(name="async 7"))
            except sa.exc.IntegrityError:
                pass
        await session.commit()
    async with engine.connect() as connection:
        total = 0
        async for row in await connection.stream(sa.text(f"SELECT generate_series(1, {ROWS})")):
            total += row[0]
        equal(total, ROWS * (ROWS + 1) // 2)
        await connection.rollback()
        names = await connection.run_sync(lambda inner: sa.inspect(inner).get_table_names("e2e"))
        equal(sorted(names), ["author", "book", "many"])
        reflected = sa.MetaData()
        await connection.run_sync(lambda inner: reflected.reflect(inner, schema="e2e"))
        equal(len(reflected.tables), 3)
        try:
            await connection.execute(sa.text("SELEC 1"))
            raise AssertionError("no error")
        except sa.exc.DBAPIError as error:
            equal(error.orig.sqlstate, "42601")
        await connection.rollback()
        equal((await connection.execute(sa.text("SELECT 'next'"))).scalar(), "next")
    await engine.dispose()


def url(driver):
    return sa.engine.URL.create(f"postgresql+{driver}", os.environ["PGUSER"], os.environ["PGPASSWORD"],
                                os.environ["PGHOST"], int(os.environ["PGPORT"]), os.environ["PGDATABASE"])


def main():
    engine = sa.create_engine(url("psycopg2"), future=True)
    for work in (schema, objects, core, pool, cancelling):
        with section(work.__name__):
            work(engine)
    engine.dispose()
    with section("over asyncpg"):
        asyncio.run(over_asyncpg())


if __name__ == "__main__":
    main()
