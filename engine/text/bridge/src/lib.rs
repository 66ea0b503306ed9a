// The C interface of bridge.h. Nothing unwinds across it, nothing is shared but through handles.
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(clippy::missing_safety_doc)] // What must hold stands in bridge.h, function by function.

mod added;
mod boundary;
mod decoder;
mod python;
mod template;
mod tokenizer;

use added::Recognise;
use boundary::{Owned, guarded, slice, text};
use template::Template;
use tokenizer::{DecodeStream, Tokenizer};

/// A look at one token; `bytes` belongs to the tokenizer.
#[repr(C)]
pub struct TokenView {
    bytes: *const u8,
    size: usize,
    flags: u32,
}

/// How a tokenizer decodes.
#[repr(C)]
pub struct DecoderView {
    kind: u32,
    strip_char: u32,
    strip_count: usize,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_bridge_free_bytes(bytes: Owned<u8>) {
    unsafe { bytes.release() }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_bridge_free_ids(ids: Owned<u32>) {
    unsafe { ids.release() }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_bridge_free_offsets(offsets: Owned<usize>) {
    unsafe { offsets.release() }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_tokenizer_load(
    json: *const u8,
    size: usize,
    tokenizer: *mut *mut Tokenizer,
    error: *mut Owned<u8>,
) -> i32 {
    unsafe {
        guarded(error, || {
            let loaded = Tokenizer::load(slice(json, size))?;
            tokenizer.write(Box::into_raw(Box::new(loaded)));
            Ok(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_tokenizer_free(tokenizer: *mut Tokenizer) {
    if !tokenizer.is_null() {
        drop(unsafe { Box::from_raw(tokenizer) });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_tokenizer_size(tokenizer: *const Tokenizer) -> usize {
    unsafe { &*tokenizer }.size()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_tokenizer_decoder(tokenizer: *const Tokenizer) -> DecoderView {
    let tokenizer = unsafe { &*tokenizer };
    DecoderView {
        kind: tokenizer.kind as u32,
        strip_char: u32::from(tokenizer.strip.0),
        strip_count: tokenizer.strip.1,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_tokenizer_token(
    tokenizer: *const Tokenizer,
    id: u32,
    is_first: i32,
) -> TokenView {
    let Some(entry) = unsafe { &*tokenizer }.entry(id) else {
        return TokenView { bytes: std::ptr::null(), size: 0, flags: 0 };
    };
    let bytes = match &entry.first_bytes {
        Some(first) if is_first != 0 => first,
        _ => &entry.bytes,
    };
    TokenView { bytes: bytes.as_ptr(), size: bytes.len(), flags: entry.flags }
}

/// The id of the token with this text, or -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_tokenizer_id_of(
    tokenizer: *const Tokenizer,
    token: *const u8,
    size: usize,
) -> i64 {
    let token = std::str::from_utf8(unsafe { slice(token, size) });
    let id = token.ok().and_then(|token| unsafe { &*tokenizer }.id_of(token));
    id.map_or(-1, i64::from)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_tokenizer_special_marks(
    tokenizer: *const Tokenizer,
    input: *const u8,
    size: usize,
    offsets: *mut Owned<usize>,
    error: *mut Owned<u8>,
) -> i32 {
    unsafe {
        guarded(error, || {
            let marks = (*tokenizer).special_marks(text(input, size)?)?;
            offsets.write(Owned::from_vec(marks));
            Ok(())
        })
    }
}

/// Text with the places where it is not to be taken for added tokens.
#[repr(C)]
pub struct MarkedText {
    text: *const u8,
    size: usize,
    plain_at: *const usize,
    num_plain: usize,
}

const ADD_SPECIAL_TOKENS: u32 = 1;
const SPECIAL_TEXT_IS_PLAIN: u32 = 2;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_tokenizer_encode(
    tokenizer: *const Tokenizer,
    input: MarkedText,
    options: u32,
    ids: *mut Owned<u32>,
    error: *mut Owned<u8>,
) -> i32 {
    unsafe {
        guarded(error, || {
            let which = if options & SPECIAL_TEXT_IS_PLAIN == 0 {
                Recognise::All
            } else {
                Recognise::OrdinaryOnly
            };
            let encoded = (*tokenizer).encode(
                text(input.text, input.size)?,
                which,
                slice(input.plain_at, input.num_plain),
                options & ADD_SPECIAL_TOKENS != 0,
            )?;
            ids.write(Owned::from_vec(encoded));
            Ok(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_tokenizer_decode(
    tokenizer: *const Tokenizer,
    ids: *const u32,
    size: usize,
    skip_special_tokens: i32,
    output: *mut Owned<u8>,
    error: *mut Owned<u8>,
) -> i32 {
    unsafe {
        guarded(error, || {
            let decoded = (*tokenizer).decode(slice(ids, size), skip_special_tokens != 0)?;
            output.write(Owned::from_vec(decoded.into_bytes()));
            Ok(())
        })
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn troupe_decode_stream_new() -> *mut DecodeStream {
    Box::into_raw(Box::default())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_decode_stream_free(stream: *mut DecodeStream) {
    if !stream.is_null() {
        drop(unsafe { Box::from_raw(stream) });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_decode_stream_push(
    stream: *mut DecodeStream,
    tokenizer: *const Tokenizer,
    id: u32,
    output: *mut Owned<u8>,
    error: *mut Owned<u8>,
) -> i32 {
    unsafe {
        guarded(error, || {
            let text = (*stream).push(&*tokenizer, id)?;
            output.write(Owned::from_vec(text.into_bytes()));
            Ok(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_decode_stream_flush(
    stream: *mut DecodeStream,
    tokenizer: *const Tokenizer,
    output: *mut Owned<u8>,
    error: *mut Owned<u8>,
) -> i32 {
    unsafe {
        guarded(error, || {
            let text = (*stream).flush(&*tokenizer)?;
            output.write(Owned::from_vec(text.into_bytes()));
            Ok(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_template_compile(
    source: *const u8,
    size: usize,
    template: *mut *mut Template,
    error: *mut Owned<u8>,
) -> i32 {
    unsafe {
        guarded(error, || {
            let compiled = Template::compile(text(source, size)?)?;
            template.write(Box::into_raw(Box::new(compiled)));
            Ok(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_template_free(template: *mut Template) {
    if !template.is_null() {
        drop(unsafe { Box::from_raw(template) });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn troupe_template_render(
    template: *const Template,
    variables: *const u8,
    size: usize,
    now: i64,
    output: *mut Owned<u8>,
    error: *mut Owned<u8>,
) -> i32 {
    unsafe {
        guarded(error, || {
            let rendered = (*template).render(slice(variables, size), now)?;
            output.write(Owned::from_vec(rendered.into_bytes()));
            Ok(())
        })
    }
}
