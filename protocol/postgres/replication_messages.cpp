#include "protocol/postgres/replication_messages.h"

#include "protocol/postgres/message_reader.h"

namespace dbgate::protocol {
namespace {

MessageReader reader_after(char type, Bytes payload) {
  MessageReader reader(payload);
  char read = type;
  reader.letter(read, {type});
  return reader;
}

}  // namespace

namespace frontend {

Decoded<StandbyStatusUpdate> StandbyStatusUpdate::decode(Bytes payload) {
  StandbyStatusUpdate message;
  MessageReader reader = reader_after(type, payload);
  reader.uint64(message.written).uint64(message.flushed).uint64(message.applied);
  return reader.int64(message.sent_at).boolean(message.reply_wanted).finish(message);
}
void StandbyStatusUpdate::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.byte1(type);
  writer.uint64(written);
  writer.uint64(flushed);
  writer.uint64(applied);
  writer.int64(sent_at);
  writer.int8(reply_wanted ? 1 : 0);
}

Decoded<HotStandbyFeedback> HotStandbyFeedback::decode(Bytes payload) {
  HotStandbyFeedback message;
  MessageReader reader = reader_after(type, payload);
  reader.int64(message.sent_at).uint32(message.xmin).uint32(message.xmin_epoch);
  return reader.uint32(message.catalog_xmin).uint32(message.catalog_xmin_epoch).finish(message);
}
void HotStandbyFeedback::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.byte1(type);
  writer.int64(sent_at);
  writer.uint32(xmin);
  writer.uint32(xmin_epoch);
  writer.uint32(catalog_xmin);
  writer.uint32(catalog_xmin_epoch);
}

}  // namespace frontend

namespace backend {

Decoded<XLogData> XLogData::decode(Bytes payload) {
  XLogData message;
  MessageReader reader = reader_after(type, payload);
  reader.uint64(message.start).uint64(message.end).int64(message.sent_at);
  return reader.rest(message.data).finish(message);
}
void XLogData::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.byte1(type);
  writer.uint64(start);
  writer.uint64(end);
  writer.int64(sent_at);
  writer.bytes(data);
}

Decoded<PrimaryKeepalive> PrimaryKeepalive::decode(Bytes payload) {
  PrimaryKeepalive message;
  MessageReader reader = reader_after(type, payload);
  return reader.uint64(message.end).int64(message.sent_at).boolean(message.reply_wanted).finish(message);
}
void PrimaryKeepalive::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.byte1(type);
  writer.uint64(end);
  writer.int64(sent_at);
  writer.int8(reply_wanted ? 1 : 0);
}

}  // namespace backend
}  // namespace dbgate::protocol
