/* The C interface of the Rust static library in this folder: tokenizers and minijinja.
 *
 * Handles are opaque, immutable after creation (a decode stream excepted) and usable from any
 * thread. Text is UTF-8 bytes with a length; a pointer may be null where its length is 0.
 * Functions that can fail return a status and always write `*error`: empty on success, else one
 * line. Results are written on success only. Every TroupeOwned… is given back once with its
 * troupe_bridge_free_… function. A panic of the Rust side becomes TROUPE_BRIDGE_PANICKED. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  TROUPE_BRIDGE_OK = 0,
  TROUPE_BRIDGE_REFUSED = 1,  /* the input is at fault */
  TROUPE_BRIDGE_RAISED = 2,   /* a template called raise_exception; the message is its own */
  TROUPE_BRIDGE_PANICKED = 3, /* a bug in a library */
};

typedef struct TroupeOwnedBytes {
  uint8_t* data;
  size_t size;
} TroupeOwnedBytes;

typedef struct TroupeOwnedIds {
  uint32_t* data;
  size_t size;
} TroupeOwnedIds;

typedef struct TroupeOwnedOffsets {
  size_t* data;
  size_t size;
} TroupeOwnedOffsets;

void troupe_bridge_free_bytes(TroupeOwnedBytes bytes);
void troupe_bridge_free_ids(TroupeOwnedIds ids);
void troupe_bridge_free_offsets(TroupeOwnedOffsets offsets);

/* ---- Tokenizer ---- */

typedef struct TroupeTokenizer TroupeTokenizer;

/* Reads the text of a tokenizer.json. */
int32_t troupe_tokenizer_load(const uint8_t* json,
                              size_t size,
                              TroupeTokenizer** tokenizer,
                              TroupeOwnedBytes* error);
void troupe_tokenizer_free(TroupeTokenizer* tokenizer);

/* One more than the largest id. */
size_t troupe_tokenizer_size(const TroupeTokenizer* tokenizer);

enum {
  TROUPE_TOKEN_KNOWN = 1,   /* the id names a token */
  TROUPE_TOKEN_SPECIAL = 2, /* a special added token */
  TROUPE_TOKEN_BYTE = 4,    /* a byte-fallback token: one raw byte */
};

typedef struct TroupeTokenView {
  const uint8_t* bytes; /* lives as long as the tokenizer */
  size_t size;
  uint32_t flags;
} TroupeTokenView;

/* What a token adds to a text; `is_first` when no token stands before it. Any id. */
TroupeTokenView troupe_tokenizer_token(const TroupeTokenizer* tokenizer,
                                       uint32_t id,
                                       int32_t is_first);

enum {
  TROUPE_DECODER_BYTE_LEVEL = 0,    /* bytes joined, broken UTF-8 replaced */
  TROUPE_DECODER_BYTE_FALLBACK = 1, /* texts joined, runs of byte tokens decoded */
  TROUPE_DECODER_FIRST_TOKEN = 2,   /* texts joined, the first token differs */
  TROUPE_DECODER_OTHER = 3,         /* use a decode stream */
};

typedef struct TroupeDecoderView {
  uint32_t kind;
  uint32_t strip_char; /* code point dropped from the front of a text … */
  size_t strip_count;  /* … at most so often */
} TroupeDecoderView;

TroupeDecoderView troupe_tokenizer_decoder(const TroupeTokenizer* tokenizer);

/* The id of the token with this text (as the vocabulary spells it), or -1. */
int64_t troupe_tokenizer_id_of(const TroupeTokenizer* tokenizer, const uint8_t* token, size_t size);

/* Byte offsets, ascending, of one character of each place that would be read as a special token. */
int32_t troupe_tokenizer_special_marks(const TroupeTokenizer* tokenizer,
                                       const uint8_t* text,
                                       size_t size,
                                       TroupeOwnedOffsets* offsets,
                                       TroupeOwnedBytes* error);

typedef struct TroupeMarkedText {
  const uint8_t* text;
  size_t size;
  const size_t* plain_at; /* ascending offsets of characters that no added token may touch */
  size_t num_plain;
} TroupeMarkedText;

enum {
  TROUPE_ENCODE_ADD_SPECIAL_TOKENS = 1,    /* run the post-processor's template */
  TROUPE_ENCODE_SPECIAL_TEXT_IS_PLAIN = 2, /* special tokens are not looked for */
};

int32_t troupe_tokenizer_encode(const TroupeTokenizer* tokenizer,
                                TroupeMarkedText text,
                                uint32_t options,
                                TroupeOwnedIds* ids,
                                TroupeOwnedBytes* error);

/* Ids that name no token add nothing. */
int32_t troupe_tokenizer_decode(const TroupeTokenizer* tokenizer,
                                const uint32_t* ids,
                                size_t size,
                                int32_t skip_special_tokens,
                                TroupeOwnedBytes* text,
                                TroupeOwnedBytes* error);

/* ---- Decoding token by token where TROUPE_DECODER_OTHER forbids a table ---- */

typedef struct TroupeDecodeStream TroupeDecodeStream;

TroupeDecodeStream* troupe_decode_stream_new(void);
void troupe_decode_stream_free(TroupeDecodeStream* stream);

int32_t troupe_decode_stream_push(TroupeDecodeStream* stream,
                                  const TroupeTokenizer* tokenizer,
                                  uint32_t id,
                                  TroupeOwnedBytes* text,
                                  TroupeOwnedBytes* error);

/* What was held back; the stream is as new afterwards. */
int32_t troupe_decode_stream_flush(TroupeDecodeStream* stream,
                                   const TroupeTokenizer* tokenizer,
                                   TroupeOwnedBytes* text,
                                   TroupeOwnedBytes* error);

/* ---- Chat template ---- */

typedef struct TroupeTemplate TroupeTemplate;

int32_t troupe_template_compile(const uint8_t* source,
                                size_t size,
                                TroupeTemplate** compiled,
                                TroupeOwnedBytes* error);
void troupe_template_free(TroupeTemplate* compiled);

/* Renders with the members of a JSON object as variables; `now` in seconds since 1970, UTC. */
int32_t troupe_template_render(const TroupeTemplate* compiled,
                               const uint8_t* variables,
                               size_t size,
                               int64_t now,
                               TroupeOwnedBytes* text,
                               TroupeOwnedBytes* error);

#ifdef __cplusplus
} /* extern "C" */
#endif
