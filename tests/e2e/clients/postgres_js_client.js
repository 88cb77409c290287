// postgres.js: a protocol of its own; everything is pipelined, statements get random names, cursors by Execute and
// Flush.
const {pipeline} = require('node:stream/promises');
const {Readable, Writable} = require('node:stream');
const postgres = require('postgres');
const {assert, behindGateway, fails, poll, rows, section, settings, sleeping, within} = require('./checks.js');

const connect = (options = {}) =>
    postgres({...settings, username: settings.user, max: 1, connect_timeout: 20, onnotice: () => {}, ...options});

async function types(sql) {
  await sql`CREATE TABLE e2e.types (a bool, b int, c bigint, d float8, e numeric, f text, g bytea,
    h date, i timestamptz, j uuid, k int[], l text[], m jsonb, n int)`;
  const given = {
    a: true,
    b: 7,
    c: '1099511627776',
    d: 1e-300,
    e: '12345678901234567890.000100',
    f: 'žluť \'x\' \\ $1',
    g: Buffer.from([0, 1, 255, 39]),
    h: new Date(Date.UTC(2024, 1, 29)),
    i: new Date(Date.UTC(1999, 11, 31, 1, 2, 3, 4)),
    j: '00000000-0000-0001-0000-000000000002',
    k: [1, 2, 3],
    l: ['a', 'b"c', ''],
    m: {a: [1, null]},
    n: null
  };
  for (let round = 0; round < 12; ++round) {
    await sql`INSERT INTO e2e.types ${sql({...given, m: sql.json(given.m)})}`;
    const [row] = await sql`SELECT * FROM e2e.types WHERE b = ${7}`;
    assert.deepStrictEqual({...row}, given);
    assert.strictEqual((await sql`DELETE FROM e2e.types`).count, 1);
  }
  const [{length}] = await sql`SELECT length(${'x'.repeat(3000000)}::text)`;
  assert.strictEqual(length, 3000000);
  const described = await sql`SELECT ${1}::int AS a, 'x'::text AS b`.describe();
  assert.deepStrictEqual(described.columns.map((column) => [column.name, column.type]), [['a', 23], ['b', 25]]);
}

async function transactions(sql) {
  await sql`CREATE TABLE e2e.money (id int PRIMARY KEY, amount numeric CHECK (amount >= 0))`;
  await fails('42601', sql`SELEC ${1}`);
  await fails('42601', sql.unsafe('SELEC 1'));
  await fails('22012', sql`SELECT 1 / ${0}::int`);
  await fails('22012', sql.unsafe('INSERT INTO e2e.money VALUES (1, 1); SELECT 1/0').simple());
  for (let id = 0; id < 15; ++id) {
    const whole = sql.begin(async (outer) => {
      await outer`INSERT INTO e2e.money VALUES (${id}, ${id})`;
      await fails('23514', outer.savepoint((inner) => inner`INSERT INTO e2e.money VALUES (${100 + id}, ${- 1})`));
      await fails('42601', outer.savepoint((inner) => inner`SELEC ${1}`));
      await outer.savepoint((inner) => inner`UPDATE e2e.money SET amount = ${1} WHERE id = ${id}`);
      if (id % 3 === 0) await outer`SELECT 1 / ${0}::int`;
    });
    if (id % 3 === 0)
      await fails('22012', whole);
    else
      await whole;
  }
  const [{ids}] = await sql`SELECT string_agg(id::text, ' ' ORDER BY id) AS ids FROM e2e.money`;
  assert.strictEqual(ids, '1 2 4 5 7 8 10 11 13 14');
  // A transaction whose statements are all sent at once.
  const [first, second] = await sql.begin((inner) => [inner`SELECT ${1}::int AS n`, inner`SELECT ${2}::int AS n`]);
  assert.deepStrictEqual([first[0].n, second[0].n], [1, 2]);
  const results = await sql.unsafe('SELECT 1 AS n; SELECT 2 AS n').simple();
  assert.deepStrictEqual(results.map((result) => result[0].n), [1, 2]);
}

async function large(sql) {
  let sum = 0;
  for await (const part of sql`SELECT g, repeat('x', 30) FROM generate_series(1, ${rows}::int) g`.cursor(1777)) {
    for (const row of part) sum += row.g;
  }
  assert.strictEqual(sum, rows * (rows + 1) / 2);
  for (let round = 0; round < 12; ++round) {  // left half read
    for await (const part of sql`SELECT generate_series(1, 1000)`.cursor(10)) {
      assert.strictEqual(part.length, 10);
      break;
    }
  }
  sum = 0;
  await sql`SELECT g FROM generate_series(1, ${rows}::int) g`.forEach((row) => {
    sum += row.g;
  });
  assert.strictEqual(sum, rows * (rows + 1) / 2);
  assert.strictEqual((await sql`SELECT 'next' AS n`)[0].n, 'next');
}

async function copying(sql) {
  await sql`CREATE TABLE e2e.copied (a int, b text)`;
  const lines = Array.from({length: rows}, (_, i) => `${i}\ttext ${i}\n`);
  await pipeline(Readable.from(lines), await sql`COPY e2e.copied FROM STDIN`.writable());
  const parts = [];
  await pipeline(await sql`COPY (SELECT * FROM e2e.copied ORDER BY a) TO STDOUT`.readable(), new Writable({
                   write(chunk, _encoding, done) {
                     parts.push(chunk);
                     done();
                   },
                 }));
  assert.ok(Buffer.concat(parts).toString() === lines.join(''));
  await fails('42P01', sql`COPY e2e.nothing FROM STDIN`.writable());
  assert.strictEqual((await sql`SELECT count(*)::int AS n FROM e2e.copied`)[0].n, rows);
}

async function pipelines(sql) {
  await sql`CREATE TABLE e2e.many (a int PRIMARY KEY)`;
  const all = [];
  for (let i = 0; i < 2000; ++i) {
    if (i % 100 === 50)
      all.push(fails('42601', sql`SELEC ${i}`));
    else if (i % 100 === 60)
      all.push(fails('23505', sql`INSERT INTO e2e.many VALUES (${0})`));
    else
      all.push(sql`INSERT INTO e2e.many VALUES (${i})`.execute());  // now, not when it is awaited
    if (i % 3 === 0) all.push(sql`SELECT ${i}::int * 2 AS n`.then(([row]) => assert.strictEqual(row.n, i * 2)));
  }
  await Promise.all(all);
  assert.strictEqual((await sql`SELECT count(*)::int AS n FROM e2e.many`)[0].n, 2000 - 40);
  await sql`INSERT INTO e2e.many ${sql(Array.from({length: 5000}, (_, i) => ({a: 10000 + i})))}`;
  for (let i = 0; i < 30; ++i) assert.strictEqual((await sql`SELECT ${i}::int + 1 AS n`)[0].n, i + 1);
  await fails('26000', sql.unsafe('EXECUTE never'));
}

// PostgreSQL signals a process twice for one cancel request (signal_child of postmaster.c: the process, then its
// group), and the second signal can meet the next statement until the request's connection is closed. The driver waits
// for that end and forgets to hand it on, so what cancel() calls is called here. Behind dbgate no statement but the one
// that was meant is met, however soon the next one comes.
async function cancelled(query) {
  if (behindGateway)
    query.cancel();
  else
    await query.canceller(query);
}

async function cancelling(sql, other) {
  for (const query
           of [sql`SELECT pg_sleep(30)`, sql`SELECT pg_sleep(30), ${1}::int`,
               sql.unsafe('SELECT pg_sleep(30)').simple()]) {
    const ended = fails('57014', query);
    await poll(async () => (await other.unsafe(sleeping))[0].n === 1, 'pg_sleep runs');
    await cancelled(query);
    await within(ended, 'cancel');
    assert.strictEqual((await sql`SELECT 'next' AS n`)[0].n, 'next');
  }
}

async function notifications(sql) {
  const queue = [];
  let wake = () => {};
  const listening = await sql.listen('e2e', (payload) => {
    queue.push(payload);
    wake();
  });
  for (const payload of ['first', 'x'.repeat(7000)]) {
    const heard = new Promise((resolve) => {
      wake = resolve;
    });
    await sql.notify('e2e', payload);
    await within(heard, 'notification');
    assert.strictEqual(queue.pop(), payload);
  }
  await listening.unlisten();
}

// Logical replication: CopyBoth on a connection of its own.
async function subscribed() {
  const sql = connect({publications: 'e2e_publication', max: 2});
  await sql`CREATE TABLE e2e.watched (id int PRIMARY KEY, b text)`;
  await sql`CREATE PUBLICATION e2e_publication FOR TABLE e2e.watched`;
  const seen = [];
  const {unsubscribe} = await sql.subscribe('*:e2e.watched', (row, {command}) => seen.push([command, row.id]));
  await sql`INSERT INTO e2e.watched VALUES (1, 'a'), (2, 'b')`;
  await sql`UPDATE e2e.watched SET b = 'c' WHERE id = 1`;
  await sql`DELETE FROM e2e.watched WHERE id = 2`;
  await poll(() => seen.length === 4, 'four changes');
  assert.deepStrictEqual(seen, [['insert', 1], ['insert', 2], ['update', 1], ['delete', 2]]);
  await unsubscribe();
  await sql`DROP PUBLICATION e2e_publication`;
  await sql.end({timeout: 5});
}

async function main() {
  const [sql, other] = [connect(), connect()];
  assert.strictEqual((await sql`SELECT 1 AS n`)[0].n, 1);
  await section('types', () => types(sql));
  await section('transactions', () => transactions(sql));
  await section('large result', () => large(sql));
  await section('copy', () => copying(sql));
  await section('pipelines', () => pipelines(sql));
  await section('cancel', () => cancelling(sql, other));
  await section('notify', () => notifications(sql));
  await section('subscribe', subscribed);
  const unprepared = connect({prepare: false, fetch_types: false});
  await section('not prepared', async () => {
    for (let i = 0; i < 15; ++i) assert.strictEqual((await unprepared`SELECT ${i}::int AS n`)[0].n, i);
  });
  await Promise.all([sql.end({timeout: 5}), other.end({timeout: 5}), unprepared.end({timeout: 5})]);
}

main();
