#include "gateway/session/read_batch.h"

#include "protocol/postgres/frame.h"

namespace dbgate::session {
namespace {

using protocol::Bytes;
namespace frontend = protocol::frontend;

/// Takes message after message.
class Messages {
 public:
  explicit Messages(Bytes input) : rest_(input) {}

  /// Whether the next message is whole and of that type; its body then.
  std::optional<Bytes> next(char type) {
    constexpr std::size_t head = protocol::MessageHeader::bytes;
    if (rest_.size() < head || static_cast<char>(rest_[0]) != type) return std::nullopt;
    const auto header = protocol::decode_header(rest_);
    if (!header || header->body_length > ReadBatch::most_bytes || rest_.size() - head < header->body_length) {
      return std::nullopt;
    }
    const Bytes body = rest_.subspan(head, header->body_length);
    rest_ = rest_.subspan(head + header->body_length);
    return body;
  }
  std::size_t left() const noexcept { return rest_.size(); }

 private:
  Bytes rest_;
};

}  // namespace

std::optional<ReadBatch> ReadBatch::read(Bytes input) {
  ReadBatch batch;
  Messages messages(input);
  if (const auto body = messages.next(frontend::Parse::type)) {
    const auto parse = frontend::Parse::decode(*body);
    if (!parse || !parse->statement.empty()) return std::nullopt;
    batch.parse = *parse;
  }
  const auto bound = messages.next(frontend::Bind::type);
  const auto bind = bound ? frontend::Bind::decode(*bound) : protocol::Decoded<frontend::Bind>(frontend::Bind{});
  if (!bound || !bind || !bind->portal.empty() || (batch.parse && !bind->statement.empty())) return std::nullopt;
  batch.bind = *bound;
  batch.statement = bind->statement;
  batch.values = protocol::as_text(bound->subspan(bind->portal.size() + 1 + bind->statement.size() + 1));
  if (const auto body = messages.next(frontend::Describe::type)) {
    const auto describe = frontend::Describe::decode(*body);
    if (!describe || describe->kind != frontend::NameKind::portal || !describe->name.empty()) return std::nullopt;
    batch.described = true;
  }
  const auto executed = messages.next(frontend::Execute::type);
  const auto execute =
      executed ? frontend::Execute::decode(*executed) : protocol::Decoded<frontend::Execute>(frontend::Execute{});
  if (!executed || !execute || !execute->portal.empty() || execute->max_rows != 0) return std::nullopt;
  const auto sync = messages.next(frontend::Sync::type);
  if (!sync || !frontend::Sync::decode(*sync)) return std::nullopt;
  batch.bytes = input.size() - messages.left();
  return batch;
}

}  // namespace dbgate::session
