// Reads requests of OTLP/HTTP, one JSON text a line ("traces" or "logs", a blank, the request), by OpenTelemetry's own
// message types, and prints what is left of each: a member that the types do not have is gone.
const readline = require('node:readline');
const {opentelemetry} = require('@opentelemetry/otlp-transformer/build/src/generated/root');

const types = {
  traces: opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest,
  logs: opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest,
};

readline.createInterface({input: process.stdin}).on('line', (line) => {
  const at = line.indexOf(' ');
  const type = types[line.slice(0, at)];
  // Ids are hexadecimal digits in JSON (OTLP specification), which for protobuf's own JSON are bytes in base64.
  const message = type.fromObject(JSON.parse(line.slice(at + 1)));
  const wrong = type.verify(message);
  if (wrong) throw new Error(wrong);
  console.log(JSON.stringify(type.toObject(message, {longs: String, bytes: String, enums: Number})));
});
