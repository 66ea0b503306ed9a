#include "engine/journal/reader.h"

#include "engine/journal/bytes.h"
#include "engine/journal/config_format.h"
#include "engine/journal/frame.h"
#include "engine/journal/record_kind.h"
#include "engine/journal/request_format.h"

#include <algorithm>
#include <istream>
#include <utility>

namespace troupe::journal {
namespace {

Record parse_settled(ByteReader& in, RingNumber ring, std::string_view bytes) {
  Settled settled;
  settled.ring = ring;
  settled.step = read_id<StepNumber>(in);
  settled.grant = in.text();
  settled.plan = bytes.substr(bytes.size() - in.num_left());
  return settled;
}

Record parse_refused(ByteReader& in, RingNumber ring) {
  Refused refused;
  refused.ring = ring;
  refused.request = read_id<RequestId>(in);
  refused.attempt = read_id<AttemptNumber>(in);
  refused.code =
      static_cast<ErrorCode>(in.within_byte(static_cast<std::uint8_t>(ErrorCode::internal)));
  return refused;
}

Record parse_ring_began(ByteReader& in, RingNumber ring) {
  auto began = read_ring_began(in);
  began.ring = ring;
  return began;
}

Record parse_enqueued(ByteReader& in, RingNumber ring) {
  Enqueued enqueued;
  enqueued.ring = ring;
  enqueued.now = read_time(in);
  enqueued.request = read_request(in);
  return enqueued;
}

Record parse_grant_arrived(ByteReader& in, RingNumber ring) {
  GrantArrived arrived;
  arrived.ring = ring;
  arrived.of_ring = read_id<RingNumber>(in);
  arrived.step = read_id<StepNumber>(in);
  return arrived;
}

// An image is what is left: whether it is a sound one shows when it is compared.
Record parse_proposed(ByteReader& in, RingNumber ring, std::string_view bytes) {
  return Proposed{ring, std::string(bytes.substr(bytes.size() - in.num_left()))};
}

struct Parsed {
  Record record;
  bool takes_all = true;  // of the bytes
};

std::optional<Parsed> parse_kind(RecordKind kind, ByteReader& in, std::string_view bytes) {
  if (kind == RecordKind::ended) {
    const auto last = static_cast<std::uint8_t>(EndReason::large_record);
    return Parsed{Ended{static_cast<EndReason>(in.within_byte(last))}};
  }
  const auto ring = read_id<RingNumber>(in);
  switch (kind) {
    case RecordKind::ring_began:
      return Parsed{parse_ring_began(in, ring)};
    case RecordKind::enqueued:
      return Parsed{parse_enqueued(in, ring)};
    case RecordKind::cancelled:
      return Parsed{Cancelled{ring, read_id<RequestId>(in)}};
    case RecordKind::asked:
      return Parsed{Asked{ring, read_time(in)}};
    case RecordKind::grant_arrived:
      return Parsed{parse_grant_arrived(in, ring)};
    case RecordKind::result_arrived:
      return Parsed{ResultArrived{ring, read_result(in)}};
    case RecordKind::proposed:
      return Parsed{parse_proposed(in, ring, bytes), false};
    case RecordKind::refused:
      return Parsed{parse_refused(in, ring)};
    case RecordKind::settled:
      return Parsed{parse_settled(in, ring, bytes), false};
    case RecordKind::ended:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Record> parse_record(std::string_view bytes) {
  ByteReader in(bytes);
  const auto kind = static_cast<RecordKind>(in.byte());
  auto parsed = parse_kind(kind, in, bytes);
  if (!parsed || !in.ok() || (parsed->takes_all && !in.done())) {
    return std::nullopt;
  }
  return std::move(parsed->record);
}

Result<Reader> Reader::open(std::istream& in) {
  Reader reader(in);
  const auto found = reader.read(kFileHeaderBytes);
  const std::string_view bytes = reader.bytes_;
  if (!bytes.starts_with(kMark)) {
    return fail(ErrorCode::invalid_value, "this is no journal: it does not begin with its mark");
  }
  if (found != Found::whole) {
    return fail(ErrorCode::invalid_value,
                "the journal ends within its first " + std::to_string(kFileHeaderBytes) + " bytes");
  }
  ByteReader header(bytes.substr(kMark.size()));
  const auto version = header.fixed32();
  if (header.fixed32() != checksum(bytes.substr(0, kMark.size() + sizeof(version)))) {
    return fail(ErrorCode::invalid_value, "the first bytes of the journal are damaged");
  }
  if (version != kVersion) {
    return fail(ErrorCode::invalid_value, "the journal is of version " + std::to_string(version) +
                                              ", this program reads version " +
                                              std::to_string(kVersion));
  }
  reader.offset_ = static_cast<std::int64_t>(kFileHeaderBytes);
  return reader;
}

Reader::Found Reader::read(std::size_t count) {
  constexpr std::size_t kChunkBytes = std::size_t{1} << 20U;
  bytes_.clear();
  while (bytes_.size() < count) {
    const auto begin = bytes_.size();
    const auto wanted = std::min(count - begin, kChunkBytes);
    bytes_.resize(begin + wanted);
    in_->read(bytes_.data() + begin, static_cast<std::streamsize>(wanted));
    const auto num_read = static_cast<std::size_t>(in_->gcount());
    bytes_.resize(begin + num_read);
    if (num_read < wanted) {
      return bytes_.empty() ? Found::nothing : Found::part;
    }
  }
  return Found::whole;
}

std::optional<Record> Reader::tear(std::size_t num_bytes) {
  at_end_ = true;
  ending_ = Ending::torn;
  num_torn_bytes_ = static_cast<std::int64_t>(num_bytes);
  return std::nullopt;
}

Result<std::optional<Record>> Reader::damaged(const std::string& how) {
  at_end_ = true;
  return fail(ErrorCode::invalid_value, "the journal is damaged: record " +
                                            std::to_string(record_number_ + 1) + ", at byte " +
                                            std::to_string(offset_) + ", " + how);
}

Result<std::optional<Record>> Reader::next() {
  if (at_end_) {
    return std::optional<Record>();
  }
  const auto found = read(kRecordHeaderBytes);
  if (found != Found::whole) {
    at_end_ = true;
    return found == Found::nothing ? std::nullopt : tear(bytes_.size());
  }
  ByteReader header(bytes_);
  const auto length = header.fixed32();
  const auto length_checksum = header.fixed32();
  const auto bytes_checksum = header.fixed32();
  if (checksum(std::string_view(bytes_).substr(0, sizeof(length))) != length_checksum) {
    return damaged("has a length that does not agree with its checksum");
  }
  if (length > kMaxRecordBytes) {
    return damaged("is said to have " + std::to_string(length) + " bytes, " +
                   std::to_string(kMaxRecordBytes) + " are allowed");
  }
  if (read(length) != Found::whole && length > 0) {
    return tear(kRecordHeaderBytes + bytes_.size());
  }
  if (checksum(bytes_) != bytes_checksum) {
    return damaged("does not agree with its checksum");
  }
  auto record = parse_record(bytes_);
  if (!record) {
    return damaged("is none that this program knows");
  }
  offset_ += static_cast<std::int64_t>(kRecordHeaderBytes + length);
  ++record_number_;
  if (std::holds_alternative<Ended>(*record)) {
    at_end_ = true;
    ending_ = Ending::closed;
  }
  return record;
}

}  // namespace troupe::journal
