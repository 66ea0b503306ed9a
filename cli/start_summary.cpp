#include "cli/start_summary.h"

#include "cli/human_number.h"

#include <array>
#include <cstdio>

namespace troupe::cli {
namespace {

std::string two_decimals(double number) {
  std::array<char, 48> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.2f", number);
  return {buffer.data(), static_cast<std::size_t>(length)};
}

std::string kv_lines(const Assembly& assembly) {
  const auto& device = assembly.device;
  const auto max_model_len = assembly.parts.model.max_model_len;
  const auto num_tokens = std::int64_t{device.num_blocks} * device.block_size;
  std::string lines = "  KV cache  " + with_commas(device.num_blocks) + " blocks of " +
                      std::to_string(device.block_size) + " tokens x " +
                      human_bytes(device.bytes_per_block) + " = " +
                      human_bytes(device.bytes_per_block * device.num_blocks) + "\n";
  lines += "            " + with_commas(num_tokens) + " tokens in all: enough for " +
           two_decimals(static_cast<double>(num_tokens) / max_model_len) +
           " requests of the full " + with_commas(max_model_len) + " tokens at once\n";
  if (num_tokens < max_model_len) {
    lines += "  note      the largest request that fits has " + with_commas(num_tokens) +
             " tokens; --max-model-len " + std::to_string(num_tokens) + " says so to clients\n";
  }
  return lines;
}

std::string curl_line(const std::string& base, const ListeningAt& listening) {
  const std::string key =
      listening.asks_for_key ? "-H \"Authorization: Bearer $TROUPE_API_KEY\" " : "";
  return "  curl -N " + base + "/v1/chat/completions " + key +
         "-H 'Content-Type: application/json' \\\n"
         "    -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}], \"stream\": "
         "true}'\n";
}

}  // namespace

std::string start_summary(const Assembly& assembly, const ListeningAt& listening, double seconds) {
  const auto& model = assembly.parts.model;
  const bool is_ipv6 = listening.host.find(':') != std::string::npos;
  const auto host = is_ipv6 ? "[" + listening.host + "]" : listening.host;
  const auto base = "http://" + host + ":" + std::to_string(listening.http_port);
  std::string text = "\nTroupe is ready after " + two_decimals(seconds) + " s.\n\n";
  text += "  model     " + model.name + " (" + assembly.architecture + ", " +
          human_count(assembly.num_parameters) + " parameters, " +
          human_bytes(assembly.weight_bytes) + ")\n";
  text += "  device    " + assembly.device.device + "\n";
  text += kv_lines(assembly);
  text += "  batch     up to " + std::to_string(assembly.device.max_num_seqs) + " sequences, " +
          with_commas(assembly.device.max_num_batched_tokens) + " tokens a step\n";
  text += "  HTTP      " + base + "/v1  (OpenAI API; metrics at /metrics)\n";
  if (listening.tcp_port != 0) {
    text += "  TCP       " + host + ":" + std::to_string(listening.tcp_port) + "  (TLP/1)\n";
  }
  text += "\nTry it:\n\n" + curl_line(base, listening);
  if (listening.tcp_port != 0) {
    const bool is_standard = host == "127.0.0.1" && listening.tcp_port == 8001;
    text += "\nor, in a second terminal:  troupe chat" +
            (is_standard ? std::string()
                         : " --url " + host + ":" + std::to_string(listening.tcp_port)) +
            "\n";
  }
  return text + "\nCtrl-C stops it once the running requests have ended.\n";
}

}  // namespace troupe::cli
