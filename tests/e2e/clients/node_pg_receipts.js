// Receipts of audit records through node-postgres; see ../receipts_test.py.
"use strict";
const { Client } = require("pg");

async function main() {
  const client = new Client({ options: "-c dbgate.receipts=on" });
  client.on("notice", (notice) => console.log(`RECEIPT ${notice.code} ${notice.detail}`));
  await client.connect();
  const sum = await client.query("SELECT $1::int + 1 AS sum", [41]);
  console.log(`ROW ${sum.rows[0].sum}`);
  await client.query("BEGIN");
  try {
    await client.query("SELECT 1 / $1::int", [0]);
  } catch (error) {
    console.log(`ERROR ${error.code}`);
  }
  await client.query("ROLLBACK");
  const both = await client.query("SELECT 1 AS a; SELECT 2 AS a");
  console.log(`ROW ${both[1].rows[0].a}`);
  await client.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
