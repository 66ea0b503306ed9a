// The border to C++: buffers that change hands, status codes, and the net that catches panics.
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::ptr;
use std::sync::Once;

pub const OK: i32 = 0;
pub const REFUSED: i32 = 1;
pub const RAISED: i32 = 2;
pub const PANICKED: i32 = 3;

/// Why a call failed, in one line.
pub enum Failure {
    /// The input is at fault.
    Refused(String),
    /// A template called `raise_exception`; the words are the template's own.
    Raised(String),
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Refused(one_line(&error.to_string()))
    }
}

pub type Outcome<T> = Result<T, Failure>;

pub fn refuse<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Failure::Refused(message.into()))
}

/// Messages go to logs and terminals: one line of bounded length.
pub fn one_line(message: &str) -> String {
    const MAX_CHARS: usize = 500;
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect()
}

/// Memory that Rust allocated and the C++ side gives back with the matching `free`.
#[repr(C)]
pub struct Owned<T> {
    pub data: *mut T,
    pub size: usize,
}

impl<T> Owned<T> {
    pub fn from_vec(values: Vec<T>) -> Self {
        if values.is_empty() {
            return Owned { data: ptr::null_mut(), size: 0 };
        }
        let size = values.len();
        let data = Box::into_raw(values.into_boxed_slice()).cast::<T>();
        Owned { data, size }
    }

    /// # Safety
    /// `self` came from `from_vec` and is released once.
    pub unsafe fn release(self) {
        if !self.data.is_null() {
            let slice = ptr::slice_from_raw_parts_mut(self.data, self.size);
            drop(unsafe { Box::from_raw(slice) });
        }
    }
}

/// # Safety
/// `data` points to `size` readable values, or `size` is 0.
pub unsafe fn slice<'a, T>(data: *const T, size: usize) -> &'a [T] {
    if size == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, size) } }
}

/// # Safety
/// As for `slice`.
pub unsafe fn text<'a>(data: *const u8, size: usize) -> Outcome<&'a str> {
    match std::str::from_utf8(unsafe { slice(data, size) }) {
        Ok(text) => Ok(text),
        Err(error) => {
            refuse(format!("text is not UTF-8: byte {} of {} is wrong", error.valid_up_to(), size))
        }
    }
}

thread_local! {
    static PANIC_PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics are reported through the boundary, not on standard error.
fn remember_place(info: &PanicHookInfo) {
    let place = info
        .location()
        .map(|place| format!("{}:{}", place.file(), place.line()))
        .unwrap_or_default();
    let _ = PANIC_PLACE.try_with(|slot| slot.replace(place));
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let words = payload
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let place = PANIC_PLACE.with(|slot| slot.take());
    let file = place.rsplit('/').next().unwrap_or_default();
    one_line(&format!("text library panicked: {words} ({file})"))
}

/// Runs `call`; a failure's or a panic's message lands in `error`, which is empty otherwise.
///
/// # Safety
/// `error` points to writable memory.
pub unsafe fn guarded(error: *mut Owned<u8>, call: impl FnOnce() -> Outcome<()>) -> i32 {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| set_hook(Box::new(remember_place)));
    let (status, message) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => (OK, String::new()),
        Ok(Err(Failure::Refused(message))) => (REFUSED, message),
        Ok(Err(Failure::Raised(message))) => (RAISED, message),
        Err(payload) => (PANICKED, panic_message(payload.as_ref())),
    };
    unsafe { error.write(Owned::from_vec(message.into_bytes())) };
    status
}
