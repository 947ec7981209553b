//! Names for what the host does, for Nsight and other tools that follow NVTX (NVIDIA Tools Extension, version 3).
//!
//! A tool names a library in `NVTX_INJECTION64_PATH`. The program loads it and calls its `InitializeInjectionNvtx2` with a
//! function that hands out tables; the tool asks for the slots of the functions and writes its own into those that it wants
//! to hear of. Without a tool a range costs one look at a value that never changes. Source: `nvtxInit.h`,
//! `nvtxInitDefs.h` and `nvtxTypes.h` of NVTX 3.

use libloading::Library;
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicPtr, Ordering};

/// `NVTX_VERSION` of the interface that is spoken here.
const VERSION: u32 = 3;
/// `NVTX_ETID_CALLBACKS`: the table that hands out tables of functions.
const CALLBACKS: u32 = 1;
/// `NVTX_ETID_VERSIONINFO`.
const VERSION_INFO: u32 = 3;
/// `NVTX_CB_MODULE_CORE`, and the two of its functions that are called.
const CORE: usize = 1;
const RANGE_PUSH: usize = 9;
const RANGE_POP: usize = 11;
/// Functions of each module, the one of number 0 included, which there never is: a tool may want slots for all of them.
const SIZES: [usize; 7] = [0, 16, 9, 15, 7, 16, 7];
const MOST: usize = 16;

/// What the tool has put into the slots of the modules; null where it wants to hear nothing.
static FUNCTIONS: [[AtomicPtr<c_void>; MOST]; SIZES.len()] =
    [const { [const { AtomicPtr::new(ptr::null_mut()) }; MOST] }; SIZES.len()];

/// The addresses of a module's slots, as a tool gets them: its first entry is not used, and a null ends it.
type Slots = [*const AtomicPtr<c_void>; MOST + 1];

struct AllSlots([Slots; SIZES.len()]);

// SAFETY: the pointers are those of a static that may be shared.
unsafe impl Sync for AllSlots {}

static SLOTS: AllSlots = {
    let mut slots: [Slots; SIZES.len()] = [[ptr::null(); MOST + 1]; SIZES.len()];
    let mut module = 0;
    while module < SIZES.len() {
        let mut number = 1;
        while number < SIZES[module] {
            slots[module][number] = &raw const FUNCTIONS[module][number];
            number += 1;
        }
        module += 1;
    }
    AllSlots(slots)
};

/// `NvtxExportTableCallbacks`.
#[repr(C)]
struct Callbacks {
    bytes: usize,
    functions: extern "C" fn(u32, *mut *const *const AtomicPtr<c_void>, *mut u32) -> i32,
}

/// `NvtxExportTableVersionInfo`.
#[repr(C)]
struct VersionInfo {
    bytes: usize,
    version: u32,
    reserved: u32,
    injection: extern "C" fn(u32),
}

static TABLE: Callbacks = Callbacks { bytes: size_of::<Callbacks>(), functions };
static INFO: VersionInfo =
    VersionInfo { bytes: size_of::<VersionInfo>(), version: VERSION, reserved: 0, injection: ignored };

extern "C" fn ignored(_version: u32) {}

/// The slots of a module, and how many; 0 where there is no such module.
extern "C" fn functions(module: u32, table: *mut *const *const AtomicPtr<c_void>, size: *mut u32) -> i32 {
    let module = module as usize;
    if !(CORE..SIZES.len()).contains(&module) {
        return 0;
    }
    // SAFETY: a tool passes places to write to, or null where it does not want to know.
    unsafe {
        if let Some(size) = size.as_mut() {
            *size = SIZES[module] as u32;
        }
        if let Some(table) = table.as_mut() {
            *table = SLOTS.0[module].as_ptr();
        }
    }
    1
}

extern "C" fn export_table(number: u32) -> *const c_void {
    match number {
        CALLBACKS => (&raw const TABLE).cast(),
        VERSION_INFO => (&raw const INFO).cast(),
        _ => ptr::null(),
    }
}

type Push = unsafe extern "C" fn(*const c_char) -> i32;
type Pop = unsafe extern "C" fn() -> i32;

/// A tool that listens to ranges.
struct Tool {
    push: Push,
    pop: Pop,
    /// Keeps its functions where they are.
    _library: Library,
}

/// The tool of this process, if there is one.
static TOOL: LazyLock<Option<Tool>> = LazyLock::new(|| {
    let path = std::env::var_os("NVTX_INJECTION64_PATH")?;
    // SAFETY: loading a library runs its code; it is the tool that the user has named.
    let library = unsafe { Library::new(&path) };
    let tool = library.ok().and_then(attach);
    if tool.is_none() {
        tracing::warn!("{} takes no ranges: NVTX_INJECTION64_PATH names no tool that does", path.to_string_lossy());
    }
    tool
});

fn attach(library: Library) -> Option<Tool> {
    type Initialize = unsafe extern "C" fn(extern "C" fn(u32) -> *const c_void) -> i32;
    // SAFETY: the function of this name has this type in every tool that follows NVTX 3.
    let attached = unsafe { library.get::<Initialize>(b"InitializeInjectionNvtx2\0").ok()?(export_table) };
    let slot = |number: usize| FUNCTIONS[CORE][number].load(Ordering::Acquire);
    let (push, pop) = (slot(RANGE_PUSH), slot(RANGE_POP));
    if attached == 0 || push.is_null() || pop.is_null() {
        return None;
    }
    // SAFETY: the tool has put functions of these types into the slots.
    let (push, pop) =
        unsafe { (std::mem::transmute::<*mut c_void, Push>(push), std::mem::transmute::<*mut c_void, Pop>(pop)) };
    Some(Tool { push, pop, _library: library })
}

/// A range that ends when it is dropped; ranges of a thread nest.
#[must_use = "a range ends when it is dropped"]
pub struct Range(Option<Pop>);

/// Begins a range; its name is made only where a tool listens.
pub fn range(name: impl FnOnce() -> String) -> Range {
    let Some(tool) = &*TOOL else { return Range(None) };
    let name = CString::new(name()).unwrap_or_default();
    // SAFETY: the tool's function copies the name.
    unsafe { (tool.push)(name.as_ptr()) };
    Range(Some(tool.pop))
}

impl Drop for Range {
    fn drop(&mut self) {
        if let Some(pop) = self.0 {
            // SAFETY: the tool stays loaded until the process ends.
            unsafe { pop() };
        }
    }
}
