// node pg: a protocol of its own; named statements, portals by pg-cursor, COPY streams, queued queries in one pipeline.
const {pipeline} = require('node:stream/promises');
const {Readable, Writable} = require('node:stream');
const pg = require('pg');
const Cursor = require('pg-cursor');
const copy = require('pg-copy-streams');
const {assert, fails, inPool, poll, rows, section, settings, sleeping, tls, within} = require('./checks.js');

async function connect(options = {}) {
  const client = new pg.Client({...settings, connectionTimeoutMillis: 20000, ...options});
  await client.connect();
  return client;
}

const value = async (client, text, values) => Object.values((await client.query(text, values)).rows[0])[0];

async function types(client) {
  const given = [
    true, 7, '1099511627776', 1e-300, '12345678901234567890.000100', 'žluť \'x\' \\ $1', Buffer.from([0, 1, 255, 39]),
    '2024-02-29', new Date(Date.UTC(1999, 11, 31, 1, 2, 3, 4)), '00000000-0000-0001-0000-000000000002', [1, null, 3],
    ['a', 'b"c', null, ''], {a: [1, null]}, null
  ];
  await client.query(`CREATE TABLE e2e.types (a bool, b int, c bigint, d float8, e numeric, f text, g bytea, h date,
    i timestamptz, j uuid, k int[], l text[], m jsonb, n int)`);
  const places = given.map((_, i) => `$${i + 1}`).join(', ');
  for (const name of [undefined, 'e2e_types']) {
    for (let round = 0; round < 12; ++round) {
      await client.query({name, text: `INSERT INTO e2e.types VALUES (${places})`, values: given});
      const result = await client.query(
          {text: 'SELECT a, b, c, d, e, f, g, h::text, i, j, k, l, m, n FROM e2e.types', rowMode: 'array'});
      assert.deepStrictEqual(result.rows[0], given);
      assert.deepStrictEqual(result.fields.slice(0, 3).map((field) => field.dataTypeID), [16, 23, 20]);
      assert.strictEqual((await client.query('DELETE FROM e2e.types')).rowCount, 1);
    }
  }
  assert.strictEqual(await value(client, 'SELECT length($1::text)', ['x'.repeat(3000000)]), 3000000);
  const binary = await client.query({text: 'SELECT $1::int AS a, $2::text AS b', values: [5, 'x'], binary: true});
  assert.deepStrictEqual([binary.rows[0].a, binary.rows[0].b.toString()], [5, 'x']);
}

async function transactions(client) {
  await client.query('CREATE TABLE e2e.money (id int PRIMARY KEY, amount numeric CHECK (amount >= 0))');
  await fails('42601', client.query('SELEC 1'));
  await fails('42601', client.query('SELEC $1', [1]));
  await fails('42601', client.query({name: 'broken', text: 'SELEC $1', values: [1]}));
  await fails('22012', client.query('SELECT 1 / $1::int', [0]));
  await fails('22012', client.query('INSERT INTO e2e.money VALUES (1, 1); SELECT 1/0'));
  const insert = (id, amount) =>
      client.query({name: 'e2e_insert', text: 'INSERT INTO e2e.money VALUES ($1, $2)', values: [id, amount]});
  for (let id = 0; id < 15; ++id) {
    await client.query('BEGIN');
    await insert(id, id);
    await client.query('SAVEPOINT s');
    await fails('23514', insert(100 + id, -1));
    await fails('25P02', client.query('SELECT $1::int', [1]));
    await client.query('ROLLBACK TO s');
    await fails('42601', client.query('SELEC $1', [1]));
    await fails('25P02', client.query('SELECT 1'));
    await client.query('ROLLBACK TO s');
    if (id % 3 === 0) await fails('22012', client.query('SELECT 1 / $1::int', [0]));
    assert.strictEqual((await client.query('COMMIT')).command, id % 3 === 0 ? 'ROLLBACK' : 'COMMIT');
  }
  assert.strictEqual(
      await value(client, 'SELECT string_agg(id::text, \' \' ORDER BY id) FROM e2e.money'), '1 2 4 5 7 8 10 11 13 14');
  const results = await client.query('SELECT 1 AS a; SELECT 2 AS a; CREATE TABLE e2e.t ()');
  assert.deepStrictEqual(results.map((result) => result.command), ['SELECT', 'SELECT', 'CREATE']);
  assert.strictEqual((await client.query('')).command, null);
  assert.deepStrictEqual((await client.query('', [])).rows, []);
  const heard = new Promise((resolve) => client.once('notice', resolve));
  await client.query('DO $$ BEGIN RAISE NOTICE \'heard\'; END $$');
  assert.strictEqual((await within(heard, 'notice')).message, 'heard');
}

async function large(client) {
  const cursor = client.query(new Cursor('SELECT g, repeat(\'x\', 30) FROM generate_series(1, $1::int) g', [rows]));
  let sum = 0;
  for (let part = await cursor.read(1777); part.length > 0; part = await cursor.read(1777)) {
    for (const row of part) sum += row.g;
  }
  assert.strictEqual(sum, rows * (rows + 1) / 2);
  for (let round = 0; round < 12; ++round) {  // closed half read
    const half = client.query(new Cursor('SELECT generate_series(1, 1000)'));
    assert.strictEqual((await half.read(10)).length, 10);
    await half.close();
  }
  const failing = client.query(new Cursor('SELECT 1 / (100 - g) FROM generate_series(1, 1000) g'));
  assert.strictEqual((await failing.read(50)).length, 50);
  await fails('22012', failing.read(100));
  await fails('42601', client.query(new Cursor('SELEC 1')).read(1));
  const whole = await client.query('SELECT g, repeat(\'x\', 30) FROM generate_series(1, $1::int) g', [rows]);
  assert.strictEqual(whole.rows.length, rows);
  assert.strictEqual(
      (await client.query({text: 'SELECT generate_series(1, 1000)', values: [], rows: 100})).rows.length, 1000);
}

async function copying(client) {
  await client.query('CREATE TABLE e2e.copied (a int, b text)');
  const lines = Array.from({length: rows}, (_, i) => `${i}\ttext ${i}\n`);
  const copyIn = async (statement, data) => {
    const stream = client.query(copy.from(statement));
    await pipeline(Readable.from(data), stream);
    return stream.rowCount;
  };
  assert.strictEqual(await copyIn('COPY e2e.copied FROM STDIN', lines), rows);
  const parts = [];
  await pipeline(client.query(copy.to('COPY (SELECT * FROM e2e.copied ORDER BY a) TO STDOUT')), new Writable({
                   write(chunk, _encoding, done) {
                     parts.push(chunk);
                     done();
                   },
                 }));
  assert.ok(Buffer.concat(parts).toString() === lines.join(''));
  await fails('22P02', copyIn('COPY e2e.copied FROM STDIN', ['x\ty\n', ...lines]));
  await fails('42P01', copyIn('COPY e2e.nothing FROM STDIN', lines));
  async function* broken() {
    yield '1\tx\n';
    throw Object.assign(new Error('the source is broken'), {code: 'MINE'});
  }
  await fails('MINE', copyIn('COPY e2e.copied FROM STDIN', broken()));
  assert.strictEqual(await value(client, 'SELECT count(*)::int FROM e2e.copied'), rows);
}

// Queries that wait for nobody: a Sync each, and an error ends only its own.
async function queued(client) {
  await client.query('DROP TABLE IF EXISTS e2e.many; CREATE TABLE e2e.many (a int PRIMARY KEY)');
  const all = [];
  for (let i = 0; i < 2000; ++i) {
    if (i % 100 === 50)
      all.push(fails('42601', client.query('SELEC $1', [i])));
    else if (i % 100 === 60)
      all.push(fails('23505', client.query('INSERT INTO e2e.many VALUES ($1)', [0])));
    else if (i % 100 === 70)
      all.push(fails('22012', client.query('SELECT 1/0')));
    else
      all.push(
          client.query({name: i % 2 ? 'e2e_many' : undefined, text: 'INSERT INTO e2e.many VALUES ($1)', values: [i]}));
    if (i % 3 === 0)
      all.push(value(client, 'SELECT $1::int * 2', [i]).then((doubled) => assert.strictEqual(doubled, i * 2)));
  }
  await Promise.all(all);
  assert.strictEqual(await value(client, 'SELECT count(*)::int FROM e2e.many'), 2000 - 60);
}

async function prepared(client) {
  for (let i = 0; i < 30; ++i) {
    const result = await client.query({name: 'e2e_double', text: 'SELECT $1::int * 2 AS n', values: [i]});
    assert.strictEqual(result.rows[0].n, i * 2);
  }
  await client.query('DEALLOCATE e2e_double');
  await fails('26000', client.query({name: 'e2e_double', text: 'SELECT $1::int * 2 AS n', values: [1]}));
  assert.strictEqual(await value(client, 'SELECT \'next\''), 'next');
}

async function cancelling(client, other) {
  for (const values of [undefined, [1]]) {
    const sleep = fails('57014', client.query(`SELECT pg_sleep(30)${values ? ', $1::int' : ''}`, values));
    await poll(async () => await value(other, sleeping) === 1, 'pg_sleep runs');
    // By the server here, with the pid that BackendKeyData named; by CancelRequest below.
    // In a pool it is not the server's.
    const byPid = inPool ? new pg.Client(settings).cancel(client, client.activeQuery) :
      other.query('SELECT pg_cancel_backend($1)', [client.processID]);
    await within(Promise.all([sleep, byPid]), 'cancel');
    assert.strictEqual(await value(client, 'SELECT \'next\''), 'next');
  }
  const query = new pg.Query('SELECT pg_sleep(30)');
  const ended = new Promise((resolve, reject) => {
    query.on('error', resolve);
    query.on('end', () => reject(new Error('not cancelled')));
  });
  client.query(query);
  await poll(async () => await value(other, sleeping) === 1, 'pg_sleep runs');
  new pg.Client(settings).cancel(client, query);
  assert.strictEqual((await within(ended, 'cancel')).code, '57014');
  assert.strictEqual(await value(client, 'SELECT \'next\''), 'next');
}

async function notifications(client, other) {
  await client.query('LISTEN e2e');
  for (const payload of ['first', '', 'x'.repeat(7000)]) {
    const heard = new Promise((resolve) => client.once('notification', resolve));
    await other.query('SELECT pg_notify($1, $2)', ['e2e', payload]);
    const notification = await within(heard, 'notification');
    assert.deepStrictEqual(
        [notification.channel, notification.payload, inPool || notification.processId], ['e2e', payload, inPool || other.processID]);
  }
}

async function pooled() {
  const pool = new pg.Pool({...settings, max: 4});
  const got = await Promise.all(Array.from({length: 100}, (_, i) => pool.query('SELECT $1::int AS n', [i])));
  assert.deepStrictEqual(got.map((result) => result.rows[0].n), Array.from({length: 100}, (_, i) => i));
  await pool.end();
}

async function main() {
  const [client, other] = [await connect(), await connect()];
  assert.strictEqual(Boolean(client.connection.stream.encrypted), Boolean(tls));
  await section('types', () => types(client));
  await section('transactions', () => transactions(client));
  await section('large result', () => large(client));
  await section('copy', () => copying(client));
  await section('queued', () => queued(client));
  await section('prepared', () => prepared(client));
  await section('cancel', () => cancelling(client, other));
  await section('notify', () => notifications(client, other));
  await section('pool', pooled);
  const piped = await connect({pipeline: true});
  await section('pipeline', () => queued(piped));
  await piped.end();
  await client.end();
  await other.end();
}

main();
