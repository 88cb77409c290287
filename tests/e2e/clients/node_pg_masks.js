// node pg over masked tables; see ../masks_test.py.
const readline = require('node:readline');
const pg = require('pg');
const {assert, settings} = require('./checks.js');

const kinds = ['null', 'redact', 'hash', 'range', 'partial', 'email'];
const strings = ['text', 'varchar', 'char', 'int8', 'price', 'numeric', 'time', 'uuid', 'inet', 'mood', 'code', 'citext', 'name'];
const wanted = {int2: 'number', int4: 'number', float4: 'number', float8: 'number', bool: 'boolean'};

function check(name, value, binary) {
  if (value === null || binary) return;  // of binary formats node pg knows some
  if (strings.includes(name)) assert.strictEqual(typeof value, 'string', name);
  if (wanted[name]) assert.strictEqual(typeof value, wanted[name], name);
  if (['texts', 'varchars'].includes(name)) assert(Array.isArray(value), name);
  if (name === 'bytea') assert(Buffer.isBuffer(value), name);
  if (['date', 'timestamp', 'timestamptz'].includes(name) && typeof value !== 'number') {
    assert(value instanceof Date && !Number.isNaN(value.getTime()), `${name} ${value}`);
  }
}

function shown(value) {
  if (Buffer.isBuffer(value)) return `${value.toString('hex')} ${value.toString('utf8')}`;
  return value instanceof Date ? value.toISOString() : JSON.stringify(value) ?? 'null';
}

async function main() {
  const client = new pg.Client(settings);
  await client.connect();
  const names = await client.query(
      'SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 1 ORDER BY attnum', ['m_null']);
  for (const {attname} of names.rows) {
    for (const kind of kinds) {
      for (const binary of [false, true]) {
        // Years that JavaScript has no dates for are left out.
        const result = await client.query({
          text: `SELECT ${attname} FROM m_${kind} WHERE id NOT IN (2, 3, 4, 5) AND id >= $1 ORDER BY id`, values: [0], binary
        });
        assert(result.rows.length > 2);
        for (const row of result.rows) {
          check(attname.slice(2), row[attname], binary);
          console.log(`CELL ${JSON.stringify({table: `m_${kind}`, column: attname, value: shown(row[attname])})}`);
        }
      }
    }
  }
  const again = () => client.query({name: 'later', text: 'SELECT c_text FROM later WHERE id = $1', values: [0]});
  for (let i = 0; i < 3; ++i) assert((await again()).rows[0].c_text.startsWith('КАНАРКА'));
  console.log('READY');
  const lines = readline.createInterface({input: process.stdin});
  await new Promise((done) => lines.once('line', done));
  lines.close();
  await assert.rejects(again(), {code: '0A000', message: 'cached plan must not change result type'});
  const plain = await client.query('SELECT c_text FROM later WHERE id = $1', [0]);
  console.log(`LATER ${JSON.stringify(plain.rows[0].c_text)}`);
  const other = await client.query({name: 'other', text: 'SELECT c_text FROM later WHERE id = $1', values: [0]});
  console.log(`LATER ${JSON.stringify(other.rows[0].c_text)}`);
  await client.end();
}

main();
