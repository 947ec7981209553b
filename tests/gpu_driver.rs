//! The device of a GPU against a CUDA driver that is made up (tests/support/fake_cuda.c), so that its logic runs where
//! there is no GPU: work that is done as late as it may be, memory that runs out, kernels that are compiled once.

#![cfg(feature = "cuda")]
#![allow(clippy::unwrap_used)]

#[path = "support/host_device.rs"]
mod host_device;
#[path = "reference/ranks.rs"]
mod ranks;

use num_complex::{Complex, Complex32, Complex64};
use rhoshard::backend::cuda::Cuda;
use rhoshard::backend::{Backend, Shard};
use rhoshard::comm::device::connect;
use rhoshard::comm::{Communicator, Message, agree};
use rhoshard::device::{
    Device, Form, HermitianProduct, Launch, Memory, Operand, Packed, Product, Rectangle, Stream, cuda,
};
use rhoshard::error::ErrorKind;
use rhoshard::linalg::{Matrix, Precision, adjoint, hermitian_eigen, multiply};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::{LazyLock, Mutex, MutexGuard};

/// Bytes of the made-up GPU.
const MEMORY: u64 = 256 << 20;

/// The folder of the libraries, the caches and what the compiler was asked for; made once.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fake_cuda_{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (library, part) in [
        ("libcuda.so.1", "DRIVER"),
        ("libnvrtc.so.13", "NVRTC"),
        ("libcublas.so.13", "CUBLAS"),
        ("libcusolver.so.12", "CUSOLVER"),
        ("libnccl.so.2", "NCCL"),
    ] {
        build(&folder.join(library), part);
    }
    // SAFETY: tests take the lock before they read the environment, and nothing else of this process writes it.
    unsafe {
        std::env::set_var("RHOSHARD_CUDA_PATH", &folder);
        std::env::set_var("RHOSHARD_CACHE", folder.join("cache"));
        std::env::set_var("FAKE_NVRTC_LOG", folder.join("compiled"));
        std::env::set_var("FAKE_CUDA_MEMORY", MEMORY.to_string());
    }
    folder
});

fn build(library: &Path, part: &str) {
    let name = library.file_name().unwrap().to_string_lossy().into_owned();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/fake_cuda.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-w", &format!("-D{part}"), &format!("-Wl,-soname,{name}"), "-o"]);
    let output = compiler.arg(library).arg(source).arg("-lm").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A device; the lock keeps tests apart, which share the driver.
fn device() -> (Rc<dyn Device>, MutexGuard<'static, ()>) {
    static LOCK: Mutex<()> = Mutex::new(());
    let lock = LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    LazyLock::force(&FOLDER);
    (cuda::open(1).unwrap_or_else(|error| panic!("{error}")), lock)
}

fn bytes(count: usize, seed: u8) -> Vec<u8> {
    (0..count).map(|index| (index as u8).wrapping_mul(31).wrapping_add(seed) ^ (index >> 8) as u8).collect()
}

#[test]
fn a_gpu_is_described_and_a_wrong_number_refused() {
    let (device, _lock) = device();
    assert_eq!((device.name().as_str(), device.multiprocessors()), ("Fake GPU 1", 132));
    assert_eq!(device.memory().unwrap(), (MEMORY, MEMORY));
    assert_eq!(cuda::count().unwrap(), 2);
    let message = cuda::open(2).err().unwrap().to_string();
    assert!(message.contains("there is no GPU 2") && message.contains("0 to 1"), "{message}");
    let survey = cuda::survey();
    assert_eq!(survey.gpus.unwrap()[0].name, "Fake GPU 0");
    assert_eq!(survey.libraries[2], ("cuBLAS", Ok("13.12.11".to_string())));
    assert_eq!(survey.libraries[3], ("cuSOLVER", Ok("12.11.10".to_string())));
}

#[test]
fn what_goes_up_comes_down_whatever_its_size() {
    let (device, _lock) = device();
    for count in [1, 255, 4 << 20, (4 << 20) + 1, (37 << 20) + 5] {
        let memory = Memory::new(device.clone(), count).unwrap();
        let mut sent = bytes(count, 7);
        device.upload(Stream::Compute, &sent, memory.address()).unwrap();
        let expected = sent.clone();
        sent.fill(0);
        let mut received = vec![0; count];
        device.download(Stream::Compute, memory.address(), &mut received).unwrap();
        assert!(received == expected, "{count} bytes");
    }
    assert_eq!(device.memory().unwrap().0, MEMORY, "all memory was given back");
}

#[test]
fn many_small_uploads_do_not_run_over_each_other() {
    let (device, _lock) = device();
    let (pieces, length) = (3000, 10_000);
    let memory = Memory::new(device.clone(), pieces * length).unwrap();
    for piece in 0..pieces {
        device
            .upload(Stream::Communication, &bytes(length, piece as u8), memory.address() + (piece * length) as u64)
            .unwrap();
    }
    let mut received = vec![0; pieces * length];
    device.download(Stream::Communication, memory.address(), &mut received).unwrap();
    for piece in 0..pieces {
        assert!(received[piece * length..][..length] == bytes(length, piece as u8), "piece {piece}");
    }
}

#[test]
fn streams_wait_for_events_only() {
    let (device, _lock) = device();
    let memory = Memory::new(device.clone(), 64).unwrap();
    let other = Memory::new(device.clone(), 64).unwrap();
    let row = |memory: &Memory| Rectangle { address: memory.address(), pitch: 64 };
    // Far more events than the driver has, with the waits behind by one round.
    let mut event = None;
    for round in 0..5000u32 {
        device.upload(Stream::Compute, &[round as u8; 64], memory.address()).unwrap();
        event = Some(device.record(Stream::Compute).unwrap());
        if round == 0 {
            device.wait(Stream::Communication, event.unwrap()).unwrap();
        }
    }
    device.wait(Stream::Communication, event.unwrap()).unwrap();
    device.copy(Stream::Communication, row(&memory), row(&other), 64, 1).unwrap();
    let mut received = [0; 64];
    device.download(Stream::Communication, other.address(), &mut received).unwrap();
    assert_eq!(received, [(4999 % 256) as u8; 64]);
}

#[test]
fn rectangles_are_cleared_and_copied() {
    let (device, _lock) = device();
    for (pitch, width, rows) in [(32, 8, 5), (33, 7, 4), (16, 16, 3), (40, 40, 1), (24, 0, 3)] {
        let size = pitch * rows;
        let source = Memory::new(device.clone(), size).unwrap();
        let target = Memory::new(device.clone(), size + 16 * rows).unwrap();
        let content = bytes(size, 3);
        device.upload(Stream::Compute, &content, source.address()).unwrap();
        device.upload(Stream::Compute, &vec![9; target.bytes()], target.address()).unwrap();
        let from = Rectangle { address: source.address(), pitch };
        let to = Rectangle { address: target.address(), pitch: pitch + 16 };
        device.copy(Stream::Compute, from, to, width, rows).unwrap();
        device.clear(Stream::Compute, from, width, rows).unwrap();
        let (mut cleared, mut copied) = (vec![0; size], vec![0; target.bytes()]);
        device.download(Stream::Compute, source.address(), &mut cleared).unwrap();
        device.download(Stream::Compute, target.address(), &mut copied).unwrap();
        for (index, byte) in content.iter().enumerate() {
            let (row, column) = (index / pitch, index % pitch);
            let inside = column < width;
            assert_eq!(cleared[index], if inside { 0 } else { *byte });
            assert_eq!(copied[row * (pitch + 16) + column], if inside { *byte } else { 9 });
        }
    }
}

#[test]
fn memory_that_runs_out_is_an_error_with_numbers() {
    let (device, _lock) = device();
    let held = Memory::new(device.clone(), 200 << 20).unwrap();
    let error = Memory::new(device.clone(), 100 << 20).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Resource);
    let message = error.to_string();
    for part in [format!("{} bytes do not fit", 100 << 20), format!("{} of {MEMORY} bytes are free", 56 << 20)] {
        assert!(message.contains(&part), "{message}");
    }
    drop(held);
    assert!(Memory::new(device, 100 << 20).is_ok());
}

/// A device whose memory cannot grow, for a test that has the lock.
fn fixed() -> Rc<dyn Device> {
    // SAFETY: the lock keeps other tests from the environment.
    unsafe { std::env::set_var("FAKE_CUDA_FIXED", "1") };
    let fixed = cuda::open(0);
    // SAFETY: as above.
    unsafe { std::env::remove_var("FAKE_CUDA_FIXED") };
    fixed.unwrap()
}

#[test]
fn memory_grows_where_it_lies_and_keeps_its_content() {
    let (device, _lock) = device();
    let unit = device.growth_unit().unwrap();
    assert_eq!(unit, 2 << 20);
    let mut memory = Memory::growable(device.clone(), unit + 5).unwrap();
    assert_eq!(device.memory().unwrap().0, MEMORY - 2 * unit as u64, "addresses are no memory");
    let (address, mut content) = (memory.address(), Vec::new());
    for size in [unit + 5, 2 * unit, 2 * unit + 1, 31 * unit + 7] {
        assert!(memory.grow(size).unwrap());
        assert_eq!((memory.address(), memory.bytes()), (address, size));
        let more = bytes(size - content.len(), content.len() as u8);
        device.upload(Stream::Compute, &more, address + content.len() as u64).unwrap();
        content.extend(more);
        let mut received = vec![0; size];
        device.download(Stream::Compute, address, &mut received).unwrap();
        assert!(received == content, "{size} bytes");
    }
    let beyond = Rectangle { address: address + (32 * unit) as u64 - 4, pitch: 8 };
    let error = device.clear(Stream::Compute, beyond, 8, 1).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Internal, "the made-up driver knows what is mapped: {error}");
    let held = Memory::new(device.clone(), 150 << 20).unwrap();
    let error = memory.grow(100 * unit).unwrap_err().to_string();
    assert!(error.contains("bytes do not fit into the memory of the GPU Fake GPU 1"), "{error}");
    assert_eq!((memory.bytes(), device.memory().unwrap().0), (31 * unit + 7, MEMORY - (150 << 20) - 32 * unit as u64));
    assert!(!memory.grow(MEMORY as usize + 1).unwrap(), "more than there are addresses for");
    drop((held, memory));
    assert_eq!(device.memory().unwrap().0, MEMORY, "all memory was given back");
    assert!(Memory::growable(device, 5).unwrap().bytes() == 5);
}

#[test]
fn rows_are_spread_within_memory_that_has_grown() {
    let (device, _lock) = device();
    let unit = device.growth_unit().unwrap();
    let mut memory = Memory::growable(device.clone(), unit).unwrap();
    let content = bytes(unit, 11);
    device.upload(Stream::Compute, &content, memory.address()).unwrap();
    assert!(memory.grow(3 * unit).unwrap());
    // The upper half of the rows, each three times as long now: the copy reaches from one piece of memory into the other.
    let (rows, pitch) = (unit / 64, 64);
    let at = |pitch: usize| Rectangle { address: memory.address() + (rows / 2 * pitch) as u64, pitch };
    device.copy(Stream::Compute, at(pitch), at(3 * pitch), pitch, rows / 2).unwrap();
    let mut received = vec![0; 3 * unit];
    device.download(Stream::Compute, memory.address(), &mut received).unwrap();
    for row in rows / 2..rows {
        assert!(received[3 * pitch * row..][..pitch] == content[pitch * row..][..pitch], "row {row}");
    }
}

#[test]
fn a_device_whose_memory_cannot_grow_says_so() {
    let (_device, _lock) = device();
    let fixed = fixed();
    assert_eq!(fixed.growth_unit(), None);
    let mut memory = Memory::growable(fixed.clone(), 8 << 20).unwrap();
    assert!(!memory.grow((8 << 20) + 1).unwrap() && memory.grow(8 << 20).unwrap());
    assert_eq!(fixed.memory().unwrap().0, MEMORY - (8 << 20));
    assert!(fixed.reserve(1 << 20).is_err());
}

#[test]
fn a_shard_grows_within_the_memory_of_a_gpu() {
    let (device, _lock) = device();
    // 126 MB that become 189 MB, of 268 MB.
    let (rows, width, more) = (1 << 13, 960, 1440);
    let amplitude = |row: usize, column: usize| Complex64::new(row as f64, column as f64);
    let filled = |device: &Rc<dyn Device>| {
        let mut shard = Cuda::new(device.clone(), Precision::Double).unwrap().allocate(rows, width).unwrap();
        shard.append_zeros(width);
        for row in 0..rows {
            let values: Vec<Complex64> = (0..width).map(|column| amplitude(row, column)).collect();
            shard.set_row(row, &values);
        }
        shard
    };
    let check = |shard: &dyn Shard| {
        for row in 0..rows {
            let values = shard.row(row);
            assert!(values.iter().enumerate().all(|(column, value)| *value == amplitude(row, column)), "row {row}");
        }
    };
    let mut shard = filled(&device);
    shard.reserve(more).unwrap();
    check(&*shard);
    drop(shard);
    let mut copied = filled(&fixed());
    assert!(copied.reserve(more).unwrap_err().to_string().contains("no GPU memory for 8192 rows of 1440 columns"));
    check(&*copied);
    drop(copied);
    assert_eq!(device.memory().unwrap().0, MEMORY, "all memory was given back");
}

#[test]
fn memory_of_the_host_is_reached_as_the_devices_own() {
    let (device, _lock) = device();
    let before = device.host_memory();
    let far = Memory::on_host(device.clone(), 5 << 20).unwrap();
    let near = Memory::new(device.clone(), 5 << 20).unwrap();
    assert_eq!((device.host_memory() - before, device.memory().unwrap().0), (5 << 20, MEMORY - (5 << 20)));
    let content = bytes(5 << 20, 3);
    device.upload(Stream::Compute, &content, far.address()).unwrap();
    let row = |memory: &Memory| Rectangle { address: memory.address(), pitch: 1 << 20 };
    device.copy(Stream::Compute, row(&far), row(&near), 1 << 19, 5).unwrap();
    device.clear(Stream::Compute, row(&far), 1 << 20, 5).unwrap();
    let (mut copied, mut cleared) = (vec![0; 5 << 20], vec![1; 5 << 20]);
    device.download(Stream::Compute, near.address(), &mut copied).unwrap();
    device.download(Stream::Compute, far.address(), &mut cleared).unwrap();
    assert!((0..5).all(|row| copied[row << 20..][..1 << 19] == content[row << 20..][..1 << 19]));
    assert!(cleared.iter().all(|byte| *byte == 0));
    let error = Memory::on_host(device.clone(), 1 << 40).err().unwrap().to_string();
    assert!(error.contains("the host has no 1099511627776 bytes") && error.contains("ulimit -l"), "{error}");
    drop(far);
    assert_eq!(device.host_memory(), before);
}

/// The argument of what the made-up driver does for `sum_parts`: it sets numbers to a value.
fn fill(memory: &Memory, count: u64, value: f64) -> Vec<u8> {
    [memory.address().to_le_bytes(), count.to_le_bytes(), value.to_le_bytes()].concat()
}

#[test]
fn kernels_are_compiled_once_and_kept_on_disk() {
    let (first, _lock) = device();
    let memory = Memory::new(first.clone(), 800).unwrap();
    let launch = Launch { blocks: 2, threads: 128, shared: 0 };
    let second = cuda::open(0).unwrap();
    for (device, value) in [(&first, 1.5), (&first, 2.5), (&second, 3.5)] {
        // SAFETY: the argument is that of the kernel, and the memory holds so many numbers.
        unsafe { device.launch(Stream::Compute, "sum_parts_f64", launch, &fill(&memory, 100, value)).unwrap() };
        let mut filled = vec![0; 800];
        device.download(Stream::Compute, memory.address(), &mut filled).unwrap();
        assert!(filled.chunks_exact(8).all(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()) == value));
    }
    let compiled = std::fs::read_to_string(FOLDER.join("compiled")).unwrap();
    assert_eq!(compiled, "cubin of sums.cu\n", "not for the second device: it is on the disk");
    let error = |kernel: &str, argument: &[u8]| {
        // SAFETY: the made-up driver refuses both.
        unsafe { first.launch(Stream::Compute, kernel, launch, argument) }.unwrap_err()
    };
    assert!(error("sum_parts_f64", &[0; 8]).to_string().contains("the kernel sum_parts_f64 (2 blocks of 128 threads"));
    assert_eq!(error("absent_f64", &[]).kind, ErrorKind::Internal);
    assert!(error("sum_parts", &[]).what.contains("there is no kernel `sum_parts`"));
}

/// `result = left right + result` for `left` of 3 x 2 and `right` of 2 x 4, in all forms, with strides beyond the rows.
fn products<T: Copy + num_traits::NumAssign + std::fmt::Debug>(
    precision: Precision,
    number: impl Fn(f64, f64) -> T,
    conjugated: impl Fn(T) -> T,
) {
    let (device, _lock) = device();
    let stride = 5;
    let size = size_of::<T>();
    let matrix = |seed: usize| -> Vec<T> {
        (0..4 * stride).map(|place| number((place * 7 + seed) as f64 % 5.0, (place * 3 + seed) as f64 % 4.0)).collect()
    };
    let upload = |values: &[T]| {
        let memory = Memory::new(device.clone(), size_of_val(values)).unwrap();
        // SAFETY: numbers are plain bytes.
        let bytes = unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) };
        device.upload(Stream::Compute, bytes, memory.address()).unwrap();
        memory
    };
    let (left, right, before) = (matrix(1), matrix(2), matrix(3));
    let entry = |values: &[T], form: Form, row: usize, column: usize| match form {
        Form::Plain => values[row + column * stride],
        Form::Transposed => values[column + row * stride],
        Form::Adjoint => conjugated(values[column + row * stride]),
    };
    let forms = [Form::Plain, Form::Transposed, Form::Adjoint];
    for (place, form_left) in forms.into_iter().enumerate() {
        let (form_right, accumulate) = (forms[(place + 1) % 3], place == 1);
        let (on_left, on_right, on_result) = (upload(&left), upload(&right), upload(&before));
        let operand = |memory: &Memory, form| Operand { address: memory.address(), stride, form };
        let product = Product {
            precision,
            rows: 3,
            columns: 4,
            inner: 2,
            left: operand(&on_left, form_left),
            right: operand(&on_right, form_right),
            result: on_result.address(),
            stride,
            accumulate,
        };
        device.multiply(Stream::Compute, &product).unwrap();
        let mut bytes = vec![0; before.len() * size];
        device.download(Stream::Compute, on_result.address(), &mut bytes).unwrap();
        for (index, old) in before.iter().enumerate() {
            let (row, column) = (index % stride, index / stride);
            let mut expected = if row < 3 && !accumulate { T::zero() } else { *old };
            for inner in (0..2).filter(|_| row < 3) {
                expected += entry(&left, form_left, row, inner) * entry(&right, form_right, inner, column);
            }
            // SAFETY: the bytes are those of a number; they may lie anywhere.
            let found: T = unsafe { bytes[index * size..].as_ptr().cast::<T>().read_unaligned() };
            assert_eq!(found, expected, "{form_left:?} {form_right:?} at {row}, {column}");
        }
    }
}

#[test]
fn products_in_all_forms() {
    products(Precision::Double, Complex64::new, |value| value.conj());
    products(Precision::Single, |re, im| Complex32::new(re as f32, im as f32), |value: Complex<f32>| value.conj());
}

#[test]
fn hermitian_products_on_and_above_the_diagonal() {
    let (device, _lock) = device();
    let (size, inner, stride) = (4, 3, 5);
    let factor: Vec<Complex64> =
        (0..inner * stride).map(|place| Complex64::new((place * 7 % 5) as f64, (place * 3 % 4) as f64)).collect();
    let [from, into] =
        [inner * stride, size * stride].map(|entries| Memory::new(device.clone(), 16 * entries).unwrap());
    device.upload(Stream::Compute, &bytes_of(&factor), from.address()).unwrap();
    device.upload(Stream::Compute, &bytes_of(&vec![Complex64::I; size * stride]), into.address()).unwrap();
    for round in [1.0, 2.0] {
        let product = HermitianProduct {
            size,
            inner,
            factor: from.address(),
            factor_stride: stride,
            result: into.address(),
            stride,
            accumulate: round > 1.0,
        };
        device.multiply_hermitian(Stream::Compute, &product).unwrap();
        for (place, found) in numbers(&device, &into).into_iter().enumerate() {
            let (row, column) = (place % stride, place / stride);
            let term = |l: usize| factor[row + l * stride] * factor[column + l * stride].conj();
            let expected = if row <= column { round * (0..inner).map(term).sum::<Complex64>() } else { Complex64::I };
            assert_eq!(found, expected, "{row}, {column}");
        }
    }
}

fn bytes_of(values: &[Complex64]) -> Vec<u8> {
    values.iter().flat_map(|value| [value.re, value.im]).flat_map(f64::to_ne_bytes).collect()
}

fn numbers(device: &Rc<dyn Device>, memory: &Memory) -> Vec<Complex64> {
    let mut bytes = vec![0; memory.bytes()];
    device.download(Stream::Compute, memory.address(), &mut bytes).unwrap();
    let part = |bytes: &[u8]| f64::from_ne_bytes(bytes.try_into().unwrap());
    bytes.chunks_exact(16).map(|entry| Complex64::new(part(&entry[..8]), part(&entry[8..]))).collect()
}

/// A Hermitian matrix, without equal eigenvalues.
fn hermitian(size: usize) -> Matrix {
    let part = |place: usize| (place * 7919 % 101) as f64 / 101.0 - 0.5;
    let factor = Matrix::from_shape_fn((size, size), |(row, column)| {
        Complex64::new(part(row * size + column), part(row + 31 * column))
    });
    &factor + &adjoint(&factor)
}

/// The eigenpairs of a shard on the device, those of the host, and whether they have the same bits.
fn eigenpairs(device: Rc<dyn Device>, matrix: &Matrix) -> bool {
    let shard = Cuda::new(device, Precision::Double).unwrap().allocate(2, 1).unwrap();
    let (values, vectors) = shard.eigen(matrix).unwrap();
    let host = hermitian_eigen(matrix).unwrap();
    assert!(values.iter().zip(&host.0).all(|(found, right)| (found - right).abs() < 1e-10), "eigenvalues");
    let images = multiply(matrix, &vectors);
    let near = |(place, image): ((usize, usize), &Complex64)| (image - vectors[place] * values[place.1]).norm() < 1e-10;
    assert!(images.indexed_iter().all(near), "eigenvectors");
    (values, vectors) == host
}

#[test]
fn eigenproblems_are_solved_by_the_gpu_unless_it_is_wrong() {
    let (device, _lock) = device();
    let matrix = hermitian(260);
    let with_fault = |fault: &str| {
        // SAFETY: as for the other variables; the lock is held.
        unsafe { std::env::set_var("FAKE_CUSOLVER", fault) };
        eigenpairs(device.clone(), &matrix)
    };
    assert!(!with_fault("none"), "by the GPU");
    assert!(with_fault("wrong"), "by the host: the GPU's eigenvectors are not orthonormal");
    assert!(with_fault("diverges"), "by the host: the GPU found none");
    let held = Memory::new(device.clone(), 254 << 20).unwrap();
    assert!(with_fault("none"), "by the host: the GPU has no memory for it");
    drop(held);
    assert!(eigenpairs(Rc::new(host_device::Host::default()), &matrix), "by the host: this device solves nothing");
    assert_eq!(device.memory().unwrap().0, MEMORY, "all memory was given back");
}

#[test]
fn ranks_with_a_gpu_each_exchange_by_nccl() {
    let (_device, _lock) = device();
    let transports = ranks::run(2, |comm: Box<dyn Communicator>| {
        let (rank, size) = (comm.rank(), comm.size());
        let device = cuda::open(rank).unwrap();
        let devices = connect(comm.into(), device.clone()).unwrap();
        host_device::check_verbs(&*devices, &device, [rank, size], (5 << 20) + 8);
        devices.transport()
    });
    assert_eq!(transports, ["NCCL"; 2]);
}

#[test]
fn ranks_that_share_a_gpu_exchange_through_the_hosts() {
    let (_device, _lock) = device();
    let transports = ranks::run(4, |comm: Box<dyn Communicator>| {
        let (rank, size) = (comm.rank(), comm.size());
        let device = cuda::open(rank % 2).unwrap();
        let devices = connect(comm.into(), device.clone()).unwrap();
        host_device::check_verbs(&*devices, &device, [rank, size], (1 << 20) + 8);
        devices.transport()
    });
    assert_eq!(transports, ["host memory and MPI"; 4]);
}

#[test]
fn marks_are_timed_once_they_have_passed() {
    let (device, _lock) = device();
    let memory = Memory::new(device.clone(), 64).unwrap();
    let begin = device.mark(Stream::Compute).unwrap();
    let at = Rectangle { address: memory.address(), pitch: 64 };
    (0..3).for_each(|_| device.clear(Stream::Compute, at, 64, 1).unwrap());
    let end = device.mark(Stream::Compute).unwrap();
    assert_eq!(device.seconds_between(begin, end).unwrap(), None, "the stream has not come so far");
    device.synchronize(Stream::Compute).unwrap();
    let seconds = device.seconds_between(begin, end).unwrap().unwrap();
    assert!((seconds - 3e-3).abs() < 1e-9, "{seconds}");
}

#[test]
fn a_rank_that_gives_up_takes_the_others_out_of_nccl() {
    let (_device, _lock) = device();
    let errors = ranks::run(2, |comm: Box<dyn Communicator>| {
        let comm: Rc<dyn Communicator> = comm.into();
        let device = cuda::open(comm.rank()).unwrap();
        let devices = connect(comm.clone(), device.clone()).unwrap();
        let memory = Memory::new(device.clone(), 64).unwrap();
        let result = if comm.rank() == 1 {
            devices.abort();
            devices.sum(memory.address(), 8)
        } else {
            let [send, receive] = [(); 2].map(|()| Packed::Device(Memory::new(device.clone(), 32).unwrap()));
            devices.start(vec![Message { partner: 1, bytes: 32, send, receive }]).map(|_| ())
        };
        let error = result.unwrap_err().to_string();
        assert!(agree(&*comm, devices.broadcast(memory.address(), 8, 0)).is_err(), "nothing goes on afterwards");
        error
    });
    let told = "an exchange between GPUs failed in NCCL: remote process exited (error 6): the last words";
    assert!(errors[0].contains(told) && errors[0].contains("NCCL_DEBUG"), "{}", errors[0]);
    assert!(errors[1].contains("not connected any more"), "{}", errors[1]);
}

/// What the program says of a job that names no device: so many layers on a pure state of so many qubits.
fn said(command: &str, qubits: usize, layers: usize) -> String {
    let folder = tempfile::tempdir().unwrap();
    let circuit = format!(
        "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[{qubits}] q;\nfor int l in [1:{layers}] {{\n\
         for int i in [0:{0}] {{ ry(0.1 * l) q[i]; }}\nfor int i in [1:{0}] {{ cx q[i - 1], q[i]; }}\n}}\n",
        qubits - 1
    );
    let job = "job = \"circuit\"\n[circuit]\nfile = \"circuit.qasm\"\n[engine]\nkind = \"statevector\"\n\
               [observe]\nexpectations = [\"Z0\"]\n";
    std::fs::write(folder.path().join("circuit.qasm"), circuit).unwrap();
    std::fs::write(folder.path().join("job.toml"), job).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_rhoshard"));
    let output = program.args(["-v", command, "job.toml"]).current_dir(folder.path()).output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn a_job_takes_the_gpu_only_where_that_is_worth_its_start() {
    let (_device, _lock) = device();
    let small = said("run", 4, 1);
    assert_eq!(small.matches("the CPU, predicted").count(), 2, "in the log and in the summary: {small}");
    assert!(small.contains("1.00 s to get ready") && !small.contains("computing on"), "{small}");
    assert!(said("plan", 4, 1).contains("device: the CPU, predicted"));
    let large = said("plan", 22, 160);
    assert!(
        large.contains("device: the GPU, predicted") && large.contains("defaults for a GPU: NVIDIA H200"),
        "{large}"
    );
}
