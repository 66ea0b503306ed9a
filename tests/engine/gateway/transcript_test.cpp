// Taking up a stream where a client left it: nothing comes twice, nothing is lost.
#include "engine/gateway/transcript.h"

#include "engine/gateway/request_account.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace troupe {
namespace {

Delta delta(std::string text, std::vector<TokenId> tokens) {
  Delta made;
  made.text = std::move(text);
  made.tokens = std::move(tokens);
  return made;
}

Delta joined(const std::vector<Delta>& deltas) {
  Delta whole;
  for (const auto& part : deltas) {
    whole.text += part.text;
    whole.tokens.insert(whole.tokens.end(), part.tokens.begin(), part.tokens.end());
  }
  return whole;
}

std::int32_t total_places(const std::vector<Delta>& deltas) {
  std::int32_t places = 0;
  for (const auto& part : deltas) {
    places += num_places(part);
  }
  return places;
}

}  // namespace

TEST_CASE("from the beginning everything comes in one delta") {
  Transcript transcript;
  transcript.append(delta("Gr", {1}));
  transcript.append(delta("ü", {2, 3}));

  const auto rest = transcript.after(0);

  REQUIRE(rest);
  REQUIRE(rest->deltas.size() == 1);
  CHECK(rest->deltas[0].text == "Grü");
  CHECK(rest->deltas[0].tokens == std::vector<TokenId>{1, 2, 3});
  CHECK(rest->skipped.num_places == 0);
  CHECK(transcript.num_places() == 3);
}

TEST_CASE("a place inside a delta is taken for the end of the one before it") {
  Transcript transcript;
  transcript.append(delta("a", {1}));
  transcript.append(delta("bcd", {2, 3, 4}));

  for (const std::int32_t place : {1, 2, 3}) {
    const auto rest = transcript.after(place);
    REQUIRE(rest);
    CHECK(joined(rest->deltas).text == "bcd");
    CHECK(rest->skipped.num_tokens == 1);
  }
  CHECK(transcript.after(4)->deltas.empty());
}

TEST_CASE("there is nothing to take up after more than there is") {
  Transcript transcript;
  CHECK(transcript.after(0)->deltas.empty());
  CHECK(transcript.after(1).error().code == ErrorCode::invalid_value);
  transcript.append(delta("a", {1}));
  CHECK(transcript.after(1));
  CHECK(transcript.after(2).error().message.find("has 1 places") != std::string::npos);
  CHECK(transcript.after(-1).error().param == "from");
}

TEST_CASE("text that comes without a token has a place of its own") {
  Transcript transcript;
  transcript.append(delta("a", {1}));
  transcript.append(delta("!", {}));

  const auto before = transcript.after(1);
  const auto behind = transcript.after(2);

  REQUIRE(before);
  CHECK(joined(before->deltas).text == "!");
  REQUIRE(behind);
  CHECK(behind->deltas.empty());
  CHECK(transcript.after(0)->deltas.size() == 2);
}

TEST_CASE("log-probabilities go with their tokens, and their characters are counted") {
  Transcript transcript;
  auto first = delta("ü", {1, 2});
  first.logprobs = {{{1, -1.0F, "\xC3"}, {}}, {{2, -2.0F, "\xBC"}, {}}};
  auto second = delta("x", {3});
  second.logprobs = {{{3, -3.0F, "x"}, {}}};
  transcript.append(first);
  transcript.append(second);

  const auto rest = transcript.after(2);

  REQUIRE(rest);
  CHECK(rest->skipped.num_characters == 1);
  REQUIRE(rest->deltas.size() == 1);
  REQUIRE(rest->deltas[0].logprobs.size() == 1);
  CHECK(rest->deltas[0].logprobs[0].sampled.logprob == -3.0F);
}

TEST_CASE("wherever a client broke off, its part and the rest are the whole") {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Transcript transcript;
    std::vector<Delta> heard;
    const auto count = random() % 20;
    const auto broken_off = count == 0 ? 0 : random() % count;
    std::vector<Delta> part;
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<TokenId> tokens;
      for (auto left = random() % 4; left > 0; --left) {
        tokens.push_back(static_cast<TokenId>(random() % 100));
      }
      heard.push_back(delta(std::string(random() % 3, static_cast<char>('a' + i)), tokens));
      transcript.append(heard.back());
      if (i < broken_off) {
        part.push_back(heard.back());
      }
    }

    const auto rest = transcript.after(total_places(part));

    REQUIRE(rest);
    CHECK(rest->skipped.num_places == total_places(part));
    CHECK(total_places(part) + total_places(rest->deltas) == transcript.num_places());
    part.insert(part.end(), rest->deltas.begin(), rest->deltas.end());
    CHECK(joined(part).text == joined(heard).text);
    CHECK(joined(part).tokens == joined(heard).tokens);
    CHECK(joined(part).tokens == transcript.whole().tokens);
  }
}

TEST_CASE("what is told of a request follows its life") {
  RequestAccount account;
  CHECK(replay(account, 0)->empty());
  CHECK(snapshot_of(account).phase == RequestPhase::queued);
  account.accepted = true;
  account.usage = {3, 0, 1};
  account.output.append(delta("a", {1}));
  CHECK(snapshot_of(account).phase == RequestPhase::running);
  CHECK(std::get<Accepted>(replay(account, 1)->at(0)).skipped.num_tokens == 1);
  CHECK(replay(account, 0)->size() == 2);
  CHECK(replay(account, 2).error().code == ErrorCode::invalid_value);

  account.end = Failed{{ErrorCode::worker_lost, "lost", ""}};
  CHECK(snapshot_of(account).phase == RequestPhase::failed);
  CHECK(snapshot_of(account).error->code == ErrorCode::worker_lost);
  CHECK(snapshot_of(account).output.text == "a");
  CHECK(std::holds_alternative<Failed>(replay(account, 1)->back()));

  account.end = Finished{};
  CHECK(snapshot_of(account).phase == RequestPhase::finished);
  CHECK(std::holds_alternative<Finished>(replay(account, 0)->at(2)));
}

}  // namespace troupe
