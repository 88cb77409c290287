// Reads all rows of a Parquet file of texts, integers, floats and times with two readers that know nothing of dbgate; prints
// them as JSON, each value as a text, times as ISO 8601 in UTC.
// Usage: node parquet_rows.mjs FOLDER-OF-NODE_MODULES FILE
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import path from 'node:path'

const [folder, file] = process.argv.slice(2)
const require = createRequire(path.join(folder, 'package.json'))
const text = (value) => value === null || value === undefined ? null : String(value)
const texts = (rows) => rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, text(value)])))

async function hyparquet() {
  const { asyncBufferFromFile, parquetReadObjects } = await import(pathToFileURL(path.join(folder, 'node_modules/hyparquet/src/node.js')))
  const parsers = { timestampFromMicroseconds: (micros) => new Date(Number(micros / 1000n)).toISOString().slice(0, 20) +
    String(micros % 1000000n).padStart(6, '0') + 'Z' }
  return texts(await parquetReadObjects({ file: await asyncBufferFromFile(file), parsers }))
}

async function duckdb() {
  const { DuckDBInstance } = await import(pathToFileURL(require.resolve('@duckdb/node-api')))
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run("SET TimeZone = 'UTC'")
  const table = `read_parquet('${file.replaceAll("'", "''")}')`
  return texts((await connection.runAndReadAll(`SELECT * REPLACE (strftime(ts, '%Y-%m-%dT%H:%M:%S.%fZ') AS ts) FROM ${table}`)).getRowObjectsJson())
}

console.log(JSON.stringify({ hyparquet: await hyparquet(), duckdb: await duckdb() }))
