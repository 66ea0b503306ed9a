// The quantiles were counted on the published files, nearest rank; they are facts about them, none
// of their rows. Credit where the licence asks for it stands beside each list.
#include "engine/simulation/published_lists.h"

#include <utility>

namespace troupe::simulation {
namespace {

const std::vector<QuantileTable::Knot> kAzureConversationPrompt = {
    {0, 2},       {0.01, 29},    {0.05, 181},   {0.1, 207},    {0.15, 372},    {0.2, 387},
    {0.25, 396},  {0.3, 403},    {0.35, 414},   {0.4, 703},    {0.45, 984},    {0.5, 1020},
    {0.55, 1045}, {0.6, 1071},   {0.65, 1097},  {0.7, 1130},   {0.75, 1189},   {0.8, 1315},
    {0.85, 1876}, {0.9, 2734},   {0.925, 4075}, {0.95, 4083},  {0.97, 4090},   {0.98, 4098},
    {0.99, 4142}, {0.995, 4831}, {0.998, 5652}, {0.999, 6212}, {0.9995, 6472}, {0.9999, 7650},
    {1, 14050}};

const std::vector<QuantileTable::Knot> kAzureConversationOutput = {
    {0, 7},      {0.01, 16},   {0.05, 41},   {0.1, 54},    {0.15, 67},     {0.2, 77},
    {0.25, 85},  {0.3, 91},    {0.35, 96},   {0.4, 103},   {0.45, 113},    {0.5, 129},
    {0.55, 151}, {0.6, 177},   {0.65, 217},  {0.7, 384},   {0.75, 395},    {0.8, 400},
    {0.85, 411}, {0.9, 424},   {0.925, 430}, {0.95, 451},  {0.97, 509},    {0.98, 540},
    {0.99, 601}, {0.995, 643}, {0.998, 916}, {0.999, 954}, {0.9995, 1000}, {0.9999, 1000},
    {1, 1000}};

const std::vector<QuantileTable::Knot> kAzureCodePrompt = {
    {0, 3},       {0.01, 17},    {0.05, 75},    {0.1, 147},    {0.15, 232},    {0.2, 386},
    {0.25, 578},  {0.3, 770},    {0.35, 938},   {0.4, 1075},   {0.45, 1261},   {0.5, 1469},
    {0.55, 1690}, {0.6, 1909},   {0.65, 2164},  {0.7, 2433},   {0.75, 2745},   {0.8, 3192},
    {0.85, 3919}, {0.9, 5186},   {0.925, 6097}, {0.95, 7302},  {0.97, 7435},   {0.98, 7436},
    {0.99, 7436}, {0.995, 7436}, {0.998, 7436}, {0.999, 7437}, {0.9995, 7437}, {0.9999, 7437},
    {1, 7437}};

const std::vector<QuantileTable::Knot> kAzureCodeOutput = {
    {0, 6},      {0.01, 6},    {0.05, 6},    {0.1, 7},     {0.15, 7},     {0.2, 8},
    {0.25, 9},   {0.3, 9},     {0.35, 10},   {0.4, 11},    {0.45, 12},    {0.5, 13},
    {0.55, 14},  {0.6, 16},    {0.65, 18},   {0.7, 20},    {0.75, 24},    {0.8, 29},
    {0.85, 39},  {0.9, 55},    {0.925, 69},  {0.95, 90},   {0.97, 128},   {0.98, 172},
    {0.99, 252}, {0.995, 361}, {0.998, 666}, {0.999, 824}, {0.9995, 895}, {0.9999, 1276},
    {1, 1899}};

const std::vector<QuantileTable::Knot> kMooncakePrompt = {
    {0, 891},        {0.01, 895},     {0.05, 901},     {0.1, 1026},      {0.15, 1385},
    {0.2, 1845},     {0.25, 2644},    {0.3, 3907},     {0.35, 4865},     {0.4, 5780},
    {0.45, 6728},    {0.5, 7967},     {0.55, 9199},    {0.6, 10746},     {0.65, 12184},
    {0.7, 14854},    {0.75, 17045},   {0.8, 19875},    {0.85, 24378},    {0.9, 29448},
    {0.925, 36422},  {0.95, 47621},   {0.97, 69491},   {0.98, 81445},    {0.99, 98812},
    {0.995, 113214}, {0.998, 121298}, {0.999, 121924}, {0.9995, 122889}, {0.9999, 123192},
    {1, 123192}};

const std::vector<QuantileTable::Knot> kMooncakeOutput = {
    {0, 1},       {0.01, 3},     {0.05, 10},    {0.1, 25},     {0.15, 50},     {0.2, 107},
    {0.25, 165},  {0.3, 225},    {0.35, 271},   {0.4, 311},    {0.45, 340},    {0.5, 363},
    {0.55, 388},  {0.6, 410},    {0.65, 435},   {0.7, 460},    {0.75, 485},    {0.8, 517},
    {0.85, 556},  {0.9, 602},    {0.925, 634},  {0.95, 689},   {0.97, 798},    {0.98, 928},
    {0.99, 1059}, {0.995, 1644}, {0.998, 2000}, {0.999, 2000}, {0.9995, 2000}, {0.9999, 2000},
    {1, 2000}};

const std::vector<QuantileTable::Knot> kSharegptPrompt = {
    {0, 262},     {0.01, 264},   {0.05, 308},   {0.1, 363},    {0.15, 389},    {0.2, 436},
    {0.25, 483},  {0.3, 522},    {0.35, 579},   {0.4, 621},    {0.45, 655},    {0.5, 733},
    {0.55, 798},  {0.6, 833},    {0.65, 899},   {0.7, 1017},   {0.75, 1109},   {0.8, 1213},
    {0.85, 1320}, {0.9, 1458},   {0.925, 1624}, {0.95, 1747},  {0.97, 2082},   {0.98, 2357},
    {0.99, 2764}, {0.995, 3452}, {0.998, 3452}, {0.999, 3998}, {0.9995, 3998}, {0.9999, 3998},
    {1, 3998}};

const std::vector<QuantileTable::Knot> kSharegptOutput = {
    {0, 512},    {0.01, 516},  {0.05, 524},  {0.1, 531},    {0.15, 539},    {0.2, 550},
    {0.25, 562}, {0.3, 574},   {0.35, 583},  {0.4, 592},    {0.45, 607},    {0.5, 633},
    {0.55, 667}, {0.6, 698},   {0.65, 724},  {0.7, 751},    {0.75, 767},    {0.8, 768},
    {0.85, 769}, {0.9, 770},   {0.925, 771}, {0.95, 773},   {0.97, 774},    {0.98, 777},
    {0.99, 784}, {0.995, 822}, {0.998, 822}, {0.999, 1021}, {0.9995, 1021}, {0.9999, 1021},
    {1, 1021}};

const std::vector<QuantileTable::Knot> kHeavyTailPrompt = {
    {0, 16},     {0.01, 30},    {0.05, 46},    {0.1, 59},     {0.15, 71},     {0.2, 84},
    {0.25, 95},  {0.3, 106},    {0.35, 122},   {0.4, 131},    {0.45, 146},    {0.5, 168},
    {0.55, 180}, {0.6, 199},    {0.65, 225},   {0.7, 250},    {0.75, 305},    {0.8, 329},
    {0.85, 390}, {0.9, 456},    {0.925, 513},  {0.95, 582},   {0.97, 645},    {0.98, 888},
    {0.99, 913}, {0.995, 1024}, {0.998, 1024}, {0.999, 1024}, {0.9995, 1024}, {0.9999, 1024},
    {1, 1024}};

const std::vector<QuantileTable::Knot> kHeavyTailOutput = {
    {0, 14},     {0.01, 26},   {0.05, 41},   {0.1, 53},     {0.15, 61},     {0.2, 78},
    {0.25, 93},  {0.3, 103},   {0.35, 113},  {0.4, 129},    {0.45, 147},    {0.5, 155},
    {0.55, 172}, {0.6, 185},   {0.65, 200},  {0.7, 219},    {0.75, 248},    {0.8, 287},
    {0.85, 319}, {0.9, 418},   {0.925, 477}, {0.95, 574},   {0.97, 653},    {0.98, 715},
    {0.99, 933}, {0.995, 983}, {0.998, 983}, {0.999, 1024}, {0.9995, 1024}, {0.9999, 1024},
    {1, 1024}};

}  // namespace

const std::vector<PublishedList>& published_lists() {
  static const std::vector<PublishedList> kLists = {
      {.name = "azure2023_conv",
       .source = "Azure/AzurePublicDataset, AzureLLMInferenceTrace_conv, CC-BY 4.0",
       .num_requests = 19366,
       .seconds = 3502,
       .num_shared_beginnings = 0,
       .shared_tokens = 0,
       .prompt = kAzureConversationPrompt,
       .output = kAzureConversationOutput},
      {.name = "azure2023_code",
       .source = "Azure/AzurePublicDataset, AzureLLMInferenceTrace_code, CC-BY 4.0",
       .num_requests = 8819,
       .seconds = 3436,
       .num_shared_beginnings = 0,
       .shared_tokens = 0,
       .prompt = kAzureCodePrompt,
       .output = kAzureCodeOutput},
      {.name = "mooncake_conversation_prefix",
       .source =
           "kvcache-ai/Mooncake, FAST25 conversation_trace (its first 2,000 rows), Apache-2.0",
       .num_requests = 2000,
       .seconds = 669,
       .num_shared_beginnings = 200,
       .shared_tokens = 4608,
       .prompt = kMooncakePrompt,
       .output = kMooncakeOutput},
      {.name = "sharegpt_llama318b",
       .source = "casys-kaist/LLMServingSim, sharegpt-llama-3.1-8b-300-sps10",
       .num_requests = 300,
       .seconds = 29,
       .num_shared_beginnings = 0,
       .shared_tokens = 0,
       .prompt = kSharegptPrompt,
       .output = kSharegptOutput},
      {.name = "heavy_tail_256",
       .source = "of Troupe, lognormal lengths",
       .num_requests = 256,
       .seconds = 0,
       .num_shared_beginnings = 0,
       .shared_tokens = 0,
       .prompt = kHeavyTailPrompt,
       .output = kHeavyTailOutput},
  };
  return kLists;
}

Workload imitate(const PublishedList& list, std::uint64_t seed) {
  const std::string name(list.name);
  GeneratorOptions options;
  options.name = name;
  options.num_requests = list.num_requests;
  options.prompt = QuantileTable{name, list.prompt};
  options.output = QuantileTable{name, list.output};
  options.num_shared_beginnings = list.num_shared_beginnings;
  options.shared_tokens = list.shared_tokens;
  return generate(options, seed);
}

}  // namespace troupe::simulation
