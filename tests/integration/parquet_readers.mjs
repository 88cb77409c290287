// Reads a Parquet file with two readers that know nothing of dbgate; prints what they found as JSON.
// Usage: node parquet_readers.mjs FOLDER-OF-NODE_MODULES FILE
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import path from 'node:path'

const [folder, file] = process.argv.slice(2)
const require = createRequire(path.join(folder, 'package.json'))
const load = (name) => import(pathToFileURL(require.resolve(name)))
const at = 5  // the row that is shown whole
const iso = (micros) => new Date(Number(micros / 1000n - (micros % 1000n < 0n ? 1n : 0n))).toISOString().slice(0, 20) +
  String(((micros % 1000000n) + 1000000n) % 1000000n).padStart(6, '0')

async function hyparquet() {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import(
    pathToFileURL(path.join(folder, 'node_modules/hyparquet/src/node.js')))
  const buffer = await asyncBufferFromFile(file)
  const metadata = await parquetMetadataAsync(buffer)
  const types = Object.fromEntries(metadata.schema.slice(1).map((one) => [one.name, one.logical_type]))
  const parsers = { dateFromDays: (days) => new Date(days * 86400000).toISOString().slice(0, 10),
    timestampFromMicroseconds: (micros) => iso(micros) }
  const rows = await parquetReadObjects({ file: buffer, metadata, utf8: false, parsers })
  const sum = (name) => String(rows.reduce((total, row) => total + BigInt(row[name]), 0n))
  const shown = { ...rows[at], d: rows[at].d.toFixed(2), bytes: Buffer.from(rows[at].bytes).toString('hex'),
    tz: rows[at].tz + (types.tz.isAdjustedToUTC ? 'Z' : '') }
  return { rows: rows.length, sums: { i4: sum('i4'), i8: sum('i8') },
    nulls: { t: rows.filter((row) => row.t === null || row.t === undefined).length },
    row: Object.fromEntries(Object.entries(shown).map(([name, value]) => [name, String(value)])) }
}

async function duckdb() {
  const { DuckDBInstance } = await load('@duckdb/node-api')
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const table = `read_parquet('${file.replaceAll("'", "''")}')`
  const read = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson()
  await connection.run("SET TimeZone = 'UTC'")
  const [all] = await read(`SELECT count(*) AS rows, sum(i4) AS i4, sum(i8) AS i8, count(*) - count(t) AS t FROM ${table}`)
  const kinds = Object.fromEntries((await read(`DESCRIBE SELECT * FROM ${table}`)).map((one) => [one.column_name, one.column_type]))
  const wanted = { i2: 'SMALLINT', i4: 'INTEGER', i8: 'BIGINT', b: 'BOOLEAN', f4: 'FLOAT', f8: 'DOUBLE', d: 'DECIMAL(38,2)',
    n: 'VARCHAR', t: 'VARCHAR', bytes: 'BLOB', day: 'DATE', ts: 'TIMESTAMP', tz: 'TIMESTAMP WITH TIME ZONE', u: 'VARCHAR' }
  for (const [name, kind] of Object.entries(wanted)) {
    if (kinds[name] !== kind) throw new Error(`${name} is ${kinds[name]}, not ${kind}`)
  }
  const [row] = await read(`SELECT i2::VARCHAR i2, i4::VARCHAR i4, i8::VARCHAR i8, b::VARCHAR b, f4::VARCHAR f4, f8::VARCHAR f8,
    d::VARCHAR d, n, t, lower(hex(bytes)) bytes, day::VARCHAR AS day, strftime(ts, '%Y-%m-%dT%H:%M:%S.%f') ts,
    strftime(tz, '%Y-%m-%dT%H:%M:%S.%fZ') tz, j, u, m FROM ${table} LIMIT 1 OFFSET ${at}`)
  return { rows: Number(all.rows), sums: { i4: String(all.i4), i8: String(all.i8) }, nulls: { t: Number(all.t) }, row }
}

console.log(JSON.stringify({ hyparquet: await hyparquet(), duckdb: await duckdb() }))
