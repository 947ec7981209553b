//! The GPU on the CPU: its kernels, compiled by a C++ compiler, run here (`kernels/shim`). For tests of kernels and of all
//! that calls them on machines without a GPU; slow.

mod memory;

use super::{Device, Eigenproblem, Event, Form, HermitianProduct, Launch, Mark, Operand, Product, Rectangle, Stream};
use crate::error::{Error, Result};
use crate::linalg::{self, Matrix, Precision};
use memory::Memory;
use num_complex::Complex64;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// Bytes that can be allocated, unless the environment says how many.
const MEMORY: u64 = 1 << 34;
/// The variable that does.
const MEMORY_VARIABLE: &str = "RHOSHARD_EMULATED_MEMORY";

unsafe extern "C" {
    fn rhoshard_emulate(
        name: *const u8,
        name_bytes: usize,
        blocks: u32,
        threads: u32,
        shared: u32,
        arguments: *const u8,
        argument_bytes: usize,
    ) -> i32;
}

thread_local! {
    static LAUNCHES: Cell<u64> = const { Cell::new(0) };
    static SOLVED: Cell<u64> = const { Cell::new(0) };
}

/// How many kernels this thread has run so far.
pub fn launches() -> u64 {
    LAUNCHES.get()
}

/// How many eigenproblems this thread has solved so far.
pub fn solved() -> u64 {
    SOLVED.get()
}

/// The GPU on the CPU; `RHOSHARD_EMULATED_MEMORY` is its number of bytes, if it is set.
///
/// # Errors
/// Input error when that is no number.
pub fn open() -> Result<Rc<dyn Device>> {
    let Ok(text) = std::env::var(MEMORY_VARIABLE) else { return with_memory(MEMORY) };
    let no_number = || Error::input(format!("{MEMORY_VARIABLE} is `{text}`")).allowed("a number of bytes");
    with_memory(text.parse().map_err(|_| no_number())?)
}

/// As [`open`], with so many bytes of memory.
///
/// # Errors
/// Never in this build.
pub fn with_memory(bytes: u64) -> Result<Rc<dyn Device>> {
    Ok(Rc::new(Emulated::new("", bytes)))
}

/// As [`with_memory`], of a device whose memory cannot grow.
///
/// # Errors
/// Never in this build.
pub fn without_growth(bytes: u64) -> Result<Rc<dyn Device>> {
    Ok(Rc::new(Emulated { growth_unit: None, ..Emulated::new("", bytes) }))
}

/// As [`open`], with one barrier of each kernel left out (double precision only): what it computes is wrong wherever that
/// barrier is needed.
///
/// # Errors
/// Never in this build.
pub fn without_barrier(number: u32) -> Result<Rc<dyn Device>> {
    Ok(Rc::new(Emulated::new(&format!("_without_{number}"), MEMORY)))
}

/// One emulated device.
pub struct Emulated {
    /// What is put behind the names of kernels.
    variant: String,
    memory: Memory,
    growth_unit: Option<usize>,
    events: Cell<u64>,
    marks: RefCell<Vec<Instant>>,
}

impl Emulated {
    fn new(variant: &str, bytes: u64) -> Emulated {
        let (memory, growth_unit) = (Memory::new(bytes), Some(memory::UNIT));
        Emulated { variant: variant.into(), memory, growth_unit, events: Cell::new(0), marks: RefCell::default() }
    }
}

impl Device for Emulated {
    fn name(&self) -> String {
        "emulated GPU".into()
    }

    fn memory(&self) -> Result<(u64, u64)> {
        Ok(self.memory.state())
    }

    fn multiprocessors(&self) -> u32 {
        1
    }

    fn allocate(&self, bytes: usize) -> Result<u64> {
        self.memory.allocate(bytes)
    }

    fn growth_unit(&self) -> Option<usize> {
        self.growth_unit
    }

    fn reserve(&self, bytes: usize) -> Result<u64> {
        self.memory.reserve(bytes)
    }

    fn extend(&self, address: u64, bytes: usize) -> Result<()> {
        self.memory.extend(address, bytes)
    }

    fn allocate_on_host(&self, bytes: usize) -> Result<u64> {
        self.memory.allocate_on_host(bytes)
    }

    fn host_memory(&self) -> u64 {
        self.memory.on_host()
    }

    fn release(&self, address: u64) {
        self.memory.release(address);
    }

    fn upload(&self, _stream: Stream, data: &[u8], to: u64) -> Result<()> {
        // SAFETY: callers name memory of this device, here the host's, as large as the data.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), to as *mut u8, data.len()) };
        Ok(())
    }

    fn download(&self, _stream: Stream, from: u64, data: &mut [u8]) -> Result<()> {
        // SAFETY: as for uploads.
        unsafe { std::ptr::copy_nonoverlapping(from as *const u8, data.as_mut_ptr(), data.len()) };
        Ok(())
    }

    fn clear(&self, _stream: Stream, at: Rectangle, bytes: usize, rows: usize) -> Result<()> {
        for row in 0..rows {
            // SAFETY: callers name rectangles in memory of this device.
            unsafe { ((at.address as usize + row * at.pitch) as *mut u8).write_bytes(0, bytes) };
        }
        Ok(())
    }

    fn copy(&self, _stream: Stream, from: Rectangle, to: Rectangle, bytes: usize, rows: usize) -> Result<()> {
        for row in 0..rows {
            let at = |rectangle: &Rectangle| (rectangle.address as usize + row * rectangle.pitch) as *mut u8;
            // SAFETY: callers name rectangles in memory of this device that do not overlap.
            unsafe { std::ptr::copy_nonoverlapping(at(&from), at(&to), bytes) };
        }
        Ok(())
    }

    unsafe fn launch(&self, _stream: Stream, kernel: &str, launch: Launch, arguments: &[u8]) -> Result<()> {
        LAUNCHES.set(LAUNCHES.get() + 1);
        let name = format!("{kernel}{}", self.variant);
        let Launch { blocks, threads, shared } = launch;
        // SAFETY: the caller answers for the arguments, whose size is compared with that of the kernel's structure.
        let code = unsafe {
            let (name, arguments) = (name.as_bytes(), arguments);
            rhoshard_emulate(name.as_ptr(), name.len(), blocks, threads, shared, arguments.as_ptr(), arguments.len())
        };
        let what = match code {
            0 => return Ok(()),
            1 => "there is no such kernel",
            2 => "its arguments have another size",
            3 => "some of its threads wait for others for ever",
            _ => "it has too many threads, or no memory",
        };
        Err(Error::internal(format!("the kernel {name} was not run: {what}")))
    }

    fn multiply(&self, _stream: Stream, product: &Product) -> Result<()> {
        let Product { precision, rows, columns, inner, .. } = *product;
        let result = linalg::multiply(
            &matrix(precision, product.left, rows, inner),
            &matrix(precision, product.right, inner, columns),
        );
        for ((row, column), value) in result.indexed_iter() {
            let place = row + column * product.stride;
            let before = if product.accumulate { entry(precision, product.result, place) } else { Complex64::ZERO };
            store(precision, product.result, place, before + value);
        }
        Ok(())
    }

    fn multiply_hermitian(&self, _stream: Stream, product: &HermitianProduct) -> Result<()> {
        let HermitianProduct { size, inner, factor, factor_stride, result, stride, accumulate } = *product;
        let factor = Operand { address: factor, stride: factor_stride, form: Form::Plain };
        let factor = matrix(Precision::Double, factor, size, inner);
        let found = linalg::multiply(&factor, &linalg::adjoint(&factor));
        for ((row, column), value) in found.indexed_iter().filter(|((row, column), _)| row <= column) {
            let place = row + column * stride;
            let before = if accumulate { entry(Precision::Double, result, place) } else { Complex64::ZERO };
            let sum = before + value;
            store(Precision::Double, result, place, if row == column { sum.re.into() } else { sum });
        }
        Ok(())
    }

    fn solve(&self, _stream: Stream, problem: &Eigenproblem) -> Result<bool> {
        SOLVED.set(SOLVED.get() + 1);
        let Eigenproblem { size, matrix: address, values } = *problem;
        // What it reads is the lower triangle of the transposed one, whose eigenvectors are the conjugates.
        let transposed = Operand { address, stride: size, form: Form::Transposed };
        let transposed = matrix(Precision::Double, transposed, size, size);
        let Some((found, vectors)) = linalg::hermitian_eigen(&transposed) else { return Ok(false) };
        vectors.indexed_iter().for_each(|((row, column), value)| {
            store(Precision::Double, address, row + column * size, value.conj());
        });
        for (place, value) in found.into_iter().enumerate() {
            // SAFETY: callers name memory of this device for so many eigenvalues.
            unsafe { (values as *mut f64).add(place).write(value) };
        }
        Ok(true)
    }

    fn synchronize(&self, _stream: Stream) -> Result<()> {
        Ok(())
    }

    fn record(&self, _stream: Stream) -> Result<Event> {
        self.events.set(self.events.get() + 1);
        Ok(Event(self.events.get()))
    }

    fn wait(&self, _stream: Stream, event: Event) -> Result<()> {
        self.has_passed(event).map(|_| ())
    }

    fn mark(&self, _stream: Stream) -> Result<Mark> {
        let mut marks = self.marks.borrow_mut();
        marks.push(Instant::now());
        Ok(Mark(marks.len() as u64 - 1))
    }

    fn seconds_between(&self, from: Mark, to: Mark) -> Result<Option<f64>> {
        let marks = self.marks.borrow();
        let [from, to] = [from, to].map(|mark| marks[mark.0 as usize]);
        Ok(Some(to.saturating_duration_since(from).as_secs_f64()))
    }

    fn has_passed(&self, event: Event) -> Result<bool> {
        let known = event.0 >= 1 && event.0 <= self.events.get();
        if known { Ok(true) } else { Err(Error::internal("an event is awaited that was never recorded")) }
    }
}

/// A factor of a product as it is read, `rows x columns`.
fn matrix(precision: Precision, operand: Operand, rows: usize, columns: usize) -> Matrix {
    let Operand { address, stride, form } = operand;
    Matrix::from_shape_fn((rows, columns), |(row, column)| match form {
        Form::Plain => entry(precision, address, row + column * stride),
        Form::Transposed => entry(precision, address, column + row * stride),
        Form::Adjoint => entry(precision, address, column + row * stride).conj(),
    })
}

fn entry(precision: Precision, address: u64, place: usize) -> Complex64 {
    // SAFETY: callers name matrices in memory of this device.
    unsafe {
        match precision {
            Precision::Double => (address as *const Complex64).add(place).read(),
            Precision::Single => {
                let value = (address as *const num_complex::Complex32).add(place).read();
                Complex64::new(value.re.into(), value.im.into())
            }
        }
    }
}

fn store(precision: Precision, address: u64, place: usize, value: Complex64) {
    // SAFETY: as for reads.
    unsafe {
        match precision {
            Precision::Double => (address as *mut Complex64).add(place).write(value),
            Precision::Single => {
                let value = num_complex::Complex32::new(value.re as f32, value.im as f32);
                (address as *mut num_complex::Complex32).add(place).write(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Memory;

    fn resident(device: &Rc<dyn Device>, values: &[Complex64]) -> Memory {
        let memory = Memory::new(device.clone(), size_of_val(values)).unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|value| [value.re, value.im]).flat_map(f64::to_le_bytes).collect();
        device.upload(Stream::Compute, &bytes, memory.address()).unwrap();
        memory
    }

    #[test]
    fn a_product_is_column_major_and_reads_its_factors_in_every_form() {
        let device = open().unwrap();
        let i = Complex64::I;
        let one = Complex64::ONE;
        // [[1, i], [2, 0]] and [[0, 1], [i, 3]], column by column.
        let left = resident(&device, &[one, 2.0 * one, i, 0.0 * one]);
        let right = resident(&device, &[0.0 * one, i, one, 3.0 * one]);
        let result = resident(&device, &[one; 4]);
        let operand = |memory: &Memory, form| Operand { address: memory.address(), stride: 2, form };
        let product = |form, accumulate| Product {
            precision: Precision::Double,
            rows: 2,
            columns: 2,
            inner: 2,
            left: operand(&left, form),
            right: operand(&right, Form::Plain),
            result: result.address(),
            stride: 2,
            accumulate,
        };
        let found = || (0..4).map(|place| entry(Precision::Double, result.address(), place)).collect::<Vec<_>>();
        device.multiply(Stream::Compute, &product(Form::Plain, true)).unwrap();
        assert_eq!(found(), [0.0 * one, one, one + one + 3.0 * i, 3.0 * one]);
        device.multiply(Stream::Compute, &product(Form::Transposed, false)).unwrap();
        assert_eq!(found(), [2.0 * i, 0.0 * one, 7.0 * one, i]);
        device.multiply(Stream::Compute, &product(Form::Adjoint, false)).unwrap();
        assert_eq!(found(), [2.0 * i, 0.0 * one, 7.0 * one, -i]);
    }

    #[test]
    fn a_hermitian_product_is_written_on_and_above_the_diagonal() {
        let device = open().unwrap();
        let (i, one) = (Complex64::I, Complex64::ONE);
        // [[1, i], [2, 0]] column by column: its product with its adjoint is [[2, 2], [2, 4]].
        let factor = resident(&device, &[one, 2.0 * one, i, 0.0 * one]);
        let result = resident(&device, &[i; 4]);
        let (factor, result) = (factor.address(), result.address());
        let product = |accumulate| HermitianProduct {
            size: 2,
            inner: 2,
            factor,
            factor_stride: 2,
            result,
            stride: 2,
            accumulate,
        };
        let found = || (0..4).map(|place| entry(Precision::Double, result, place)).collect::<Vec<_>>();
        device.multiply_hermitian(Stream::Compute, &product(false)).unwrap();
        assert_eq!(found(), [2.0 * one, i, 2.0 * one, 4.0 * one]);
        device.multiply_hermitian(Stream::Compute, &product(true)).unwrap();
        assert_eq!(found(), [4.0 * one, i, 4.0 * one, 8.0 * one]);
    }

    #[test]
    fn an_eigenproblem_is_read_on_and_above_the_diagonal() {
        let device = open().unwrap();
        let (i, one) = (Complex64::I, Complex64::ONE);
        // [[2, i], [-i, 2]], its entry below the diagonal not a number.
        let matrix = resident(&device, &[2.0 * one, Complex64::new(f64::NAN, f64::NAN), i, 2.0 * one]);
        let values = resident(&device, &[one]);
        let problem = Eigenproblem { size: 2, matrix: matrix.address(), values: values.address() };
        assert!(device.solve(Stream::Compute, &problem).unwrap());
        let found = entry(Precision::Double, values.address(), 0);
        assert!((found - Complex64::new(1.0, 3.0)).norm() < 1e-15, "{found}");
        for (column, value) in [(0, 1.0), (1, 3.0)] {
            let at = |row: usize| entry(Precision::Double, matrix.address(), row + 2 * column);
            assert!((2.0 * at(0) + i * at(1) - value * at(0)).norm() < 1e-15);
            assert!((at(0).norm_sqr() + at(1).norm_sqr() - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn memory_is_counted_and_a_request_that_does_not_fit_is_an_error() {
        let device = open().unwrap();
        let memory = Memory::new(device.clone(), 1000).unwrap();
        assert_eq!((device.memory().unwrap().0, memory.address() % 256), (MEMORY - 1000, 0));
        let error = device.allocate(1 << 35).unwrap_err().to_string();
        assert!(error.contains("34359738368 bytes"), "{error}");
        drop(memory);
        assert_eq!(device.memory().unwrap().0, MEMORY);
    }

    #[test]
    fn a_wrong_launch_is_an_error() {
        let device = open().unwrap();
        let launch = Launch { blocks: 1, threads: 32, shared: 0 };
        // SAFETY: neither call gets to a kernel.
        let run = |name: &str| unsafe { device.launch(Stream::Compute, name, launch, &[0; 8]) }.unwrap_err().what;
        assert!(run("unheard_of_f64").contains("no such kernel"));
        assert!(run("gather_f64").contains("another size"));
    }
}
