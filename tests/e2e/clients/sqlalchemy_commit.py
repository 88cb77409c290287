"""Objects of an ORM whose session is committed when others agree, through SQLAlchemy; see ../commit_gate_drivers_test.py."""
import os
import sys

import sqlalchemy
from sqlalchemy import orm

Base = orm.declarative_base()


class Shop(Base):
    __tablename__ = "shops"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    name = sqlalchemy.Column(sqlalchemy.Text)
    orders = orm.relationship("Order", back_populates="place")


class Order(Base):
    __tablename__ = "orders"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    shop = sqlalchemy.Column(sqlalchemy.ForeignKey("shops.id"))
    total = sqlalchemy.Column(sqlalchemy.Numeric)
    place = orm.relationship("Shop", back_populates="orders")


first = int(sys.argv[1])  # of the ids that are free
engine = sqlalchemy.create_engine(f"postgresql+psycopg2://{os.environ['PGUSER']}@/{os.environ['PGDATABASE']}")
with orm.Session(engine) as session:
    try:
        session.add(Shop(id=first, name="by the ORM", orders=[Order(id=first, total=1), Order(id=first + 1, total=2)]))
        session.get(Shop, 7).name = "renamed"
        session.delete(session.get(Order, 8))
        session.commit()
        print("STATE 00000", flush=True)
    except sqlalchemy.exc.DBAPIError as error:
        session.rollback()
        print("STATE", error.orig.pgcode, str(error.orig).splitlines()[0], flush=True)
    print("THEN", session.query(Shop).count(), flush=True)
