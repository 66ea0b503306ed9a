// What a recorder writes, a reader reads: every kind of record, with values drawn from a seed.
#include "engine/journal/image.h"
#include "engine/journal/reader.h"
#include "engine/journal/recorder.h"

#include <doctest/doctest.h>

#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace troupe::journal {
namespace {

class Draw {
 public:
  explicit Draw(std::uint32_t seed) : random_(seed) {}

  std::uint64_t bits() { return (std::uint64_t{random_()} << 32U) | random_(); }

  /// Small numbers as often as great ones.
  template <class Number>
  Number number(std::uint64_t most) {
    const auto bound = most >> (random_() % 60U);
    return static_cast<Number>(bound == ~std::uint64_t{0} ? bits() : bits() % (bound + 1));
  }

  std::int32_t size() { return number<std::int32_t>(INT32_MAX); }

  bool coin() { return random_() % 2 == 0; }

  std::string text() {
    std::string text(random_() % 8, '\0');
    for (auto& character : text) {
      character = static_cast<char>(random_());
    }
    return text;
  }

  std::vector<TokenId> tokens() {
    std::vector<TokenId> tokens(random_() % 40);
    for (auto& token : tokens) {
      token = size();
    }
    return tokens;
  }

  TimePoint time() { return TimePoint(Duration(number<std::int64_t>(std::uint64_t{1} << 61U))); }

 private:
  std::mt19937 random_;
};

SamplingParams any_sampling(Draw& draw) {
  SamplingParams sampling;
  sampling.temperature = 0.001F * static_cast<float>(draw.number<int>(2000));
  sampling.min_p = draw.coin() ? 0.0F : 0.25F;
  sampling.frequency_penalty = draw.coin() ? -1.5F : 0.0F;
  sampling.top_k = draw.size();
  sampling.min_tokens = draw.size();
  if (draw.coin()) {
    sampling.seed = draw.bits();
    sampling.max_tokens = draw.size();
  }
  if (draw.coin()) {
    sampling.logprobs = draw.number<int>(20);
  }
  sampling.stop = {draw.text(), draw.text()};
  sampling.stop_token_ids = draw.tokens();
  sampling.logit_bias = {{draw.size(), -2.5F}};
  sampling.ignore_eos = draw.coin();
  sampling.include_stop_str_in_output = draw.coin();
  sampling.skip_special_tokens = draw.coin();
  return sampling;
}

EnqueuedRequest any_request(Draw& draw) {
  EnqueuedRequest request;
  request.request = RequestId{draw.bits()};
  request.attempt = AttemptNumber{draw.number<std::uint32_t>(UINT32_MAX)};
  request.tokens = draw.tokens();
  request.num_prompt_tokens = draw.size();
  request.max_output_tokens = draw.size();
  request.sampling = any_sampling(draw);
  request.arrival = draw.time();
  request.priority = draw.number<std::int32_t>(200) - 100;
  if (draw.coin()) {
    request.deadline = draw.time();
  }
  request.tenant = draw.text();
  request.cache_salt = draw.text();
  return request;
}

RingBegan any_ring(Draw& draw, RingNumber ring) {
  RingBegan began;
  began.ring = ring;
  auto& engine = began.engine;
  engine.block_size = 1 + draw.number<std::int32_t>(63);
  engine.num_blocks = 1 + draw.number<std::int32_t>(10'000);
  engine.max_model_len = draw.size();
  engine.max_num_seqs = 1 + draw.number<std::int32_t>(1000);
  engine.max_num_batched_tokens = 1 + draw.number<std::int32_t>(INT32_MAX - 1);
  engine.max_num_queued_requests = draw.size();
  engine.enable_prefix_caching = draw.coin();
  engine.eos_tokens = draw.tokens();
  auto& scheduling = engine.scheduling;
  scheduling.policy = kPolicyNames[draw.number<std::size_t>(kPolicyNames.size() - 1)].policy;
  scheduling.admission = draw.coin() ? AdmissionMode::reserve : AdmissionMode::on_demand;
  scheduling.preemption = draw.coin() ? PreemptionMode::swap : PreemptionMode::recompute;
  scheduling.max_prefill_tokens = draw.size();
  scheduling.watermark = 0.01 * draw.number<int>(99);
  if (draw.coin()) {
    scheduling.target_inter_token_latency = Duration(draw.size());
  }
  auto& memory = began.memory;
  memory.num_blocks = engine.num_blocks;
  memory.block_size = engine.block_size;
  memory.enable_prefix_caching = engine.enable_prefix_caching;
  memory.num_host_blocks = draw.number<std::int32_t>(10'000);
  memory.preemption = scheduling.preemption;
  memory.bytes_per_block = draw.size();
  memory.host_link_bytes_per_second = 1e9 * draw.number<int>(100);
  memory.await_shared_prefixes = draw.coin();
  began.suspects = {{RequestId{draw.bits()}}, {}, {RequestId{1}, RequestId{draw.bits()}}};
  return began;
}

StepResult any_result(Draw& draw) {
  StepResult result;
  result.ring = RingNumber{draw.number<std::uint32_t>(UINT32_MAX)};
  result.step = StepNumber{draw.bits()};
  result.tokens.resize(draw.number<std::size_t>(200));
  for (auto& sampled : result.tokens) {
    sampled.sequence = SequenceId{draw.bits()};
    sampled.position = draw.size();
    sampled.token = draw.size();
  }
  result.device_time = Duration(draw.size());
  return result;
}

StepGranted any_grant(Draw& draw) {
  StepGranted granted;
  granted.ring = RingNumber{draw.number<std::uint32_t>(UINT32_MAX)};
  granted.step = StepNumber{draw.bits()};
  granted.rows = {{SequenceId{draw.bits()}, 1, draw.size(), true}};
  granted.preempted = {SequenceId{draw.bits()}};
  return granted;
}

StepProposal any_proposal(Draw& draw) {
  StepProposal proposal;
  proposal.step = StepNumber{draw.bits()};
  proposal.candidates.resize(draw.number<std::size_t>(20));
  for (auto& candidate : proposal.candidates) {
    candidate.sequence = SequenceId{draw.bits()};
    candidate.num_tokens = draw.size();
    if (draw.coin()) {
      candidate.admission = std::make_shared<SequenceStart>();
      candidate.displaces = SequenceId{draw.bits()};
    }
  }
  return proposal;
}

StepPlan any_plan(Draw& draw) {
  StepPlan plan;
  plan.table_growth = {{draw.size(), {BlockId{draw.size()}, BlockId{3}}}};
  plan.rows = {{draw.size(), 0, draw.size(), draw.coin()}};
  return plan;
}

/// Writes a record down again as it was read.
struct Copyist {
  Recorder& out;

  void operator()(const RingBegan& record) { out.ring_began(record); }

  void operator()(const Enqueued& record) { out.enqueued(record.request, record.now); }

  void operator()(const Cancelled& record) { out.cancelled(record.request); }

  void operator()(const Asked& record) { out.asked(record.now); }

  void operator()(const ResultArrived& record) { out.result_arrived(record.result); }

  void operator()(const Refused& record) {
    out.refused(record.request, record.attempt, record.code);
  }

  void operator()(const GrantArrived& record) {
    StepGranted granted;
    granted.ring = record.of_ring;
    granted.step = record.step;
    out.grant_arrived(granted);
  }

  // Images are compared below.
  void operator()(const Proposed&) {}

  void operator()(const Settled&) {}

  void operator()(const Ended&) {}
};

std::vector<Record> read_all(const std::string& bytes) {
  std::istringstream in(bytes);
  auto reader = Reader::open(in);
  REQUIRE(reader);
  std::vector<Record> records;
  for (;;) {
    auto next = reader->next();
    REQUIRE(next);
    if (!*next) {
      return records;
    }
    records.push_back(**std::move(next));
  }
}

std::vector<Record> read_back(Recorder& recorder) {
  return read_all(journal_beginning() + recorder.take_bytes());
}

}  // namespace

TEST_CASE("whatever goes into the stations is read from a journal as it was written") {
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    Draw draw(seed);
    const RingNumber ring{draw.number<std::uint32_t>(UINT32_MAX)};
    Recorder recorder(ring);
    const auto request = any_request(draw);
    recorder.ring_began(any_ring(draw, ring));
    recorder.enqueued(request, draw.time());
    recorder.cancelled(RequestId{draw.bits()});
    recorder.asked(draw.time());
    recorder.grant_arrived(any_grant(draw));
    recorder.result_arrived(any_result(draw));
    recorder.refused(RequestId{draw.bits()}, AttemptNumber{2}, ErrorCode::queue_full);
    const std::string written(recorder.bytes());

    const auto records = read_back(recorder);

    REQUIRE(records.size() == 7);
    Recorder again(ring);
    for (const auto& record : records) {
      std::visit(Copyist{again}, record);
    }
    CHECK(again.bytes() == written);
    const auto& read = std::get<Enqueued>(records[1]).request;
    CHECK(read.request == request.request);
    CHECK(read.tokens == request.tokens);
    CHECK(read.sampling == request.sampling);
    CHECK(read.arrival == request.arrival);
    CHECK(read.deadline == request.deadline);
    CHECK(read.priority == request.priority);
    CHECK(read.tenant == request.tenant);
    CHECK(read.cache_salt == request.cache_salt);
  }
}

TEST_CASE("the beginning of a ring is read with every number that shapes its stations") {
  Draw draw(1);
  const auto began = any_ring(draw, RingNumber{4});
  Recorder recorder(RingNumber{4});
  recorder.ring_began(began);

  const auto records = read_back(recorder);

  const auto& read = std::get<RingBegan>(records.at(0));
  CHECK(read.ring == began.ring);
  CHECK(read.suspects == began.suspects);
  CHECK(read.engine.num_blocks == began.engine.num_blocks);
  CHECK(read.engine.eos_tokens == began.engine.eos_tokens);
  CHECK(read.engine.scheduling.policy == began.engine.scheduling.policy);
  CHECK(read.engine.scheduling.watermark == began.engine.scheduling.watermark);
  CHECK(read.engine.scheduling.target_inter_token_latency ==
        began.engine.scheduling.target_inter_token_latency);
  CHECK(read.memory.num_host_blocks == began.memory.num_host_blocks);
  CHECK(read.memory.host_link_bytes_per_second == began.memory.host_link_bytes_per_second);
  CHECK(read.memory.await_shared_prefixes == began.memory.await_shared_prefixes);
}

TEST_CASE("what comes out of the stations is read as images that agree with it") {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Draw draw(seed);
    Recorder recorder(RingNumber{1});
    const auto proposal = any_proposal(draw);
    const auto granted = any_grant(draw);
    const auto plan = any_plan(draw);
    recorder.proposed(proposal);
    recorder.settled(granted, &plan);
    recorder.settled(granted, nullptr);

    const auto records = read_back(recorder);

    REQUIRE(records.size() == 3);
    CHECK_FALSE(parting(std::get<Proposed>(records[0]).image, proposal));
    const auto& settled = std::get<Settled>(records[1]);
    CHECK(settled.step == granted.step);
    CHECK_FALSE(parting(settled.grant, granted));
    CHECK_FALSE(parting(settled.plan, plan));
    CHECK(std::get<Settled>(records[2]).plan.empty());
  }
}

TEST_CASE("a journal that was closed says why") {
  for (const auto reason : {EndReason::stopped, EndReason::backlog, EndReason::large_record}) {
    const auto records = read_all(journal_beginning() + journal_end(reason));

    REQUIRE(records.size() == 1);
    CHECK(std::get<Ended>(records[0]).reason == reason);
  }
}

TEST_CASE("a step's log-probabilities are not recorded") {
  StepResult result;
  result.tokens = {SampledToken{SequenceId{1}, 4, 7, LogprobBits{7, 1}, {LogprobBits{8, 2}}}};
  Recorder recorder(RingNumber{1});
  recorder.result_arrived(result);

  const auto records = read_back(recorder);

  const auto& read = std::get<ResultArrived>(records.at(0)).result;
  CHECK(read.tokens.at(0).token == 7);
  CHECK_FALSE(read.tokens.at(0).logprob);
  CHECK(read.tokens.at(0).top_logprobs.empty());
}

TEST_CASE("a request too large for a record is left out, and the recorder knows") {
  EnqueuedRequest request;
  request.cache_salt.assign(std::size_t{65} << 20U, 's');
  Recorder recorder(RingNumber{1});
  recorder.cancelled(RequestId{1});

  recorder.enqueued(request, TimePoint{});

  CHECK(recorder.incomplete());
  CHECK(read_back(recorder).size() == 1);
}

}  // namespace troupe::journal
