// What the programs for node share.
const assert = require('node:assert');
const fs = require('node:fs');

const rows = 100000;
const limitMs = 15000;

async function section(name, work) {
  const started = Date.now();
  try {
    await work();
  } catch (problem) {
    console.log(`FAILED: ${name}`);
    throw problem;
  }
  console.log(`ok ${name} (${((Date.now() - started) / 1000).toFixed(2)} s)`);
}

async function fails(code, promise) {
  try {
    await promise;
  } catch (error) {
    assert.strictEqual(error.code, code, `${error.code}: ${error.message}`);
    return error;
  }
  throw new Error(`no error ${code}`);
}

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function poll(condition, what) {
  for (const started = Date.now(); !(await condition());) {
    if (Date.now() - started > limitMs) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const tls = process.env.PGSSLMODE === 'disable' ?
    false :
    {ca: fs.readFileSync(process.env.PGSSLROOTCERT, 'utf8'), rejectUnauthorized: true, servername: 'localhost'};
// Transactions run on server connections that are shared: the server's pids are not the sessions'.
const inPool = process.env.DBGATE_POOLED === '1';
const behindGateway = process.env.DBGATE_DIRECT !== '1';
const settings = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
  ssl: tls
};
const sleeping = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%pg_sleep(30)%'
  AND pid <> pg_backend_pid()`;

module.exports = {
  assert,
  behindGateway,
  fails,
  inPool,
  limitMs,
  poll,
  rows,
  section,
  settings,
  sleeping,
  tls,
  within
};
