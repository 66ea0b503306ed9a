// Journals that were cut off, damaged or made up: one clear sentence, and no more memory than there
// are bytes.
#include "engine/journal/reader.h"

#include "engine/journal/bytes.h"
#include "engine/journal/frame.h"
#include "engine/journal/recorder.h"

#include "tests/engine/journal/recorded_ring.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <sstream>
#include <string>

namespace troupe::journal {
namespace {

struct Findings {
  std::int64_t num_records = 0;
  Ending ending = Ending::open;
  std::int64_t num_torn_bytes = 0;
  std::string error;
};

Findings read(const std::string& bytes) {
  std::istringstream in(bytes);
  auto reader = Reader::open(in);
  if (!reader) {
    return {.error = reader.error().message};
  }
  Findings found;
  for (;;) {
    const auto next = reader->next();
    if (!next) {
      found.error = next.error().message;
      break;
    }
    if (!*next) {
      break;
    }
  }
  found.num_records = reader->record_number();
  found.ending = reader->ending();
  found.num_torn_bytes = reader->num_torn_bytes();
  return found;
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("numbers of every length are read as they were written") {
  std::string bytes;
  ByteWriter out(bytes);
  for (unsigned shift = 0; shift < 64; ++shift) {
    out.number(std::uint64_t{1} << shift);
    out.number((std::uint64_t{1} << shift) - 1);
    out.signed_number(-(std::int64_t{1} << (shift % 63)));
  }
  out.signed_number(std::numeric_limits<std::int64_t>::min());
  out.number(std::numeric_limits<std::uint64_t>::max());

  ByteReader in(bytes);

  for (unsigned shift = 0; shift < 64; ++shift) {
    CAPTURE(shift);
    CHECK(in.number() == std::uint64_t{1} << shift);
    CHECK(in.number() == (std::uint64_t{1} << shift) - 1);
    CHECK(in.signed_number() == -(std::int64_t{1} << (shift % 63)));
  }
  CHECK(in.signed_number() == std::numeric_limits<std::int64_t>::min());
  CHECK(in.number() == std::numeric_limits<std::uint64_t>::max());
  CHECK(in.done());
}

TEST_CASE("a number that is too long, or longer than it need be, is refused") {
  for (const auto* bytes : {"\x80", "\x81\x80", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"}) {
    ByteReader in(bytes);
    static_cast<void>(in.number());
    CHECK_FALSE(in.ok());
  }
  ByteReader padded(std::string_view("\x80\x00", 2));
  static_cast<void>(padded.number());
  CHECK_FALSE(padded.ok());
}

TEST_CASE("the checksum is CRC-32C") {
  CHECK(checksum("123456789") == 0xe3069283U);  // the check value of RFC 3720's polynomial
}

TEST_CASE("what is no journal, or one of another version, is refused by name") {
  CHECK(mentions(read("").error, "no journal"));
  CHECK(mentions(read("{\"json\": true, \"and\": \"long\"}").error, "no journal"));
  CHECK(mentions(read(std::string(kMark)).error, "ends within"));
  auto damaged = journal_beginning();
  damaged[9] = '\x01';
  CHECK(mentions(read(damaged).error, "damaged"));
  std::string newer(kMark);
  ByteWriter out(newer);
  out.fixed32(kVersion + 1);
  out.fixed32(checksum(newer));
  CHECK(mentions(read(newer).error, "version 2, this program reads version 1"));
}

TEST_CASE("wherever a journal is cut, what is whole before the cut is read") {
  const auto whole = test::recorded_ring(1);
  const auto all = read(whole);
  REQUIRE(all.error == "");
  REQUIRE(all.ending == Ending::closed);
  std::int64_t before = 0;
  std::int64_t num_torn = 0;
  for (auto length = kFileHeaderBytes; length < whole.size(); length += 7) {
    CAPTURE(length);
    const auto found = read(whole.substr(0, length));
    REQUIRE(found.error == "");
    CHECK(found.ending != Ending::closed);
    CHECK((found.ending == Ending::torn) == (found.num_torn_bytes > 0));
    CHECK(found.num_records >= before);
    CHECK(found.num_records < all.num_records);
    before = found.num_records;
    num_torn += found.ending == Ending::torn ? 1 : 0;
  }
  CHECK(num_torn > 100);
}

TEST_CASE("a flipped bit is found wherever it is, and what is before it is read") {
  const auto whole = test::recorded_ring(2);
  std::mt19937 random(7);
  for (int flip = 0; flip < 2000; ++flip) {
    const auto at = random() % whole.size();
    const auto bit = random() % 8;
    CAPTURE(at);
    CAPTURE(bit);
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(1U << bit));

    const auto found = read(damaged);

    REQUIRE(found.error != "");
    if (at >= kFileHeaderBytes) {
      CHECK(mentions(found.error, "record " + std::to_string(found.num_records + 1) + ","));
    }
  }
}

TEST_CASE("a length beyond all bounds is refused before anything is read for it") {
  auto bytes = journal_beginning();
  std::string header;
  ByteWriter out(header);
  out.fixed32(0xffffffffU);
  out.fixed32(checksum(header));
  out.fixed32(0);

  const auto found = read(bytes + header);

  CHECK(mentions(found.error, "4294967295 bytes"));
}

TEST_CASE("a record that is not there yet is a torn end, however long it claims to be") {
  auto bytes = journal_beginning();
  std::string header;
  ByteWriter out(header);
  out.fixed32(static_cast<std::uint32_t>(kMaxRecordBytes));
  out.fixed32(checksum(header));
  out.fixed32(0);

  const auto found = read(bytes + header + "few");

  CHECK(found.error == "");
  CHECK(found.ending == Ending::torn);
  CHECK(found.num_torn_bytes == 15);
}

TEST_CASE("a list that claims more items than there are bytes is none that is known") {
  std::string page("\x02\x01", 2);  // enqueued, ring 1
  page += std::string(8, '\0');     // the time
  page += "\x01\x01";               // request 1, attempt 1
  page += "\xff\xff\xff\xff\x0f";   // four thousand million tokens

  CHECK_FALSE(parse_record(page));
}

}  // namespace troupe::journal
