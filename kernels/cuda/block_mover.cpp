#include "kernels/cuda/block_mover.h"

#include "kernels/cuda/block_copy.h"
#include "kernels/cuda/status.h"
#include "kernels/cuda/stream.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::cuda {
namespace {

// Enough blocks for a rate, and no more than a moment's worth.
constexpr std::int64_t kMeasuredBytes = std::int64_t{64} << 20U;

BlockPlace place_of(const BlockStore& store) {
  return {store.data, store.num_blocks * store.block_bytes, store.block_bytes};
}

BlockPlace place_of(const PinnedBuffer& host, const BlockStore& store) {
  return {host.data(), store.block_bytes, store.num_layers * store.block_bytes};
}

// What lies between two places, pair by pair, as many to a launch as it takes.
class Batch {
 public:
  Batch(const BlockStore& store, BlockPlace from, BlockPlace to, cudaStream_t stream)
      : stream_(stream) {
    args_.from = from;
    args_.to = to;
    args_.block_bytes = store.block_bytes;
    args_.num_layers = store.num_layers;
  }

  Result<void> add(std::int32_t from, std::int32_t to) {
    args_.pairs[static_cast<std::size_t>(args_.num_pairs++)] = {from, to};
    return args_.num_pairs == kMaxCopiedBlocks ? flush() : Result<void>();
  }

  Result<void> flush() {
    auto copied = copy_blocks(args_, stream_);
    args_.num_pairs = 0;
    return copied;
  }

 private:
  BlockCopyArgs args_;
  cudaStream_t stream_;
};

// `pair_of` gives from and to of a move.
template <class Moves, class PairOf>
Result<void> enqueue_all(Batch batch, const Moves& moves, PairOf pair_of) {
  for (const auto& move : moves) {
    const BlockPair pair = pair_of(move);
    if (auto added = batch.add(pair.from, pair.to); !added) {
      return added;
    }
  }
  return batch.flush();
}

}  // namespace

Result<BlockMover> BlockMover::make(const BlockStore& store, std::int32_t num_host_blocks) {
  BlockMover mover;
  mover.store_ = store;
  mover.num_host_blocks_ = num_host_blocks;
  if (num_host_blocks == 0) {
    return mover;
  }
  auto host = allocate_pinned(
      static_cast<std::size_t>(num_host_blocks * store.num_layers * store.block_bytes),
      "the host's part of the KV cache");
  if (!host) {
    return pass(std::move(host));
  }
  mover.host_ = *std::move(host);
  return mover;
}

Result<void> BlockMover::enqueue(const BlockMoves& moves, cudaStream_t stream) {
  const auto device = place_of(store_);
  const auto host = place_of(host_, store_);
  if (auto out = enqueue_all(Batch(store_, device, host, stream), moves.out,
                             [](const BlockSwap& swap) {
                               return BlockPair{swap.block.value, swap.host_slot};
                             });
      !out) {
    return out;
  }
  if (auto in = enqueue_all(Batch(store_, host, device, stream), moves.in,
                            [](const BlockSwap& swap) {
                              return BlockPair{swap.host_slot, swap.block.value};
                            });
      !in) {
    return in;
  }
  return enqueue_all(Batch(store_, device, device, stream), moves.copies,
                     [](const BlockCopy& copy) {
                       return BlockPair{copy.from.value, copy.to.value};
                     });
}

Result<double> BlockMover::measure_host_link(cudaStream_t stream) {
  const auto bytes_each = store_.num_layers * store_.block_bytes;
  const auto count =
      std::min<std::int64_t>({num_host_blocks_, store_.num_blocks, kMeasuredBytes / bytes_each});
  if (count == 0) {
    return 0.0;
  }
  std::vector<BlockSwap> out;
  for (std::int32_t block = 0; block < count; ++block) {
    out.push_back({BlockId{block}, block});
  }
  const auto begin = make_event();
  const auto end = make_event();
  if (!begin || !end) {
    return fail(ErrorCode::device, "no event to time the host link with");
  }
  // The first round loads the kernel.
  for (int round = 0; round < 2; ++round) {
    static_cast<void>(cudaEventRecord(begin->get(), stream));
    if (auto moved = enqueue({.out = out, .in = {}, .copies = {}}, stream); !moved) {
      return pass(std::move(moved));
    }
    static_cast<void>(cudaEventRecord(end->get(), stream));
  }
  if (auto waited = check(cudaEventSynchronize(end->get()), "moving blocks out"); !waited) {
    return pass(std::move(waited));
  }
  const auto ms = elapsed_ms(*begin, *end);
  if (!ms) {
    return tl::unexpected(ms.error());
  }
  return static_cast<double>(count * bytes_each) / static_cast<double>(*ms) * 1e3;
}

}  // namespace troupe::cuda
