//! What constants of the GPU's linear algebra are chosen by: ways to a Gram matrix, eigenproblems, overlaps of many flips.

use super::{Bench, Found};
use crate::backend::cuda::{HermitianMethod, hermitian_product};
use crate::device::{Eigenproblem, Form, HermitianProduct, Memory, Operand, Product, Rectangle, Stream};
use crate::error::Result;
use crate::linalg::{Matrix, Precision, hermitian_eigen};
use num_complex::Complex64;
use serde::Serialize;
use std::time::Instant;

/// Columns of Gram matrices; a rotation keeps half of them.
const WIDTHS: [usize; 2] = [512, 1024];
/// Columns of eigenproblems, if a matrix is no larger than a shard.
const EIGEN_WIDTHS: [usize; 4] = [256, 512, 1024, 2048];
/// Columns of overlaps.
const OVERLAP_WIDTHS: [usize; 2] = [32, 128];
/// Flips that pair the same blocks.
const FLIPS: usize = 64;

/// Gram matrix and rotation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Products {
    /// Rows and columns of the shard, and columns kept.
    pub shape: [usize; 3],
    /// Seconds of the Gram matrix.
    pub gram: f64,
    /// Seconds of the rotation.
    pub rotation: f64,
    /// Flops per second of both, `4 N w^2 + 8 N w r`.
    pub rate: f64,
    /// Flops per second of the library's product of the Gram matrix's shape, `8 N w^2`.
    pub library: f64,
    /// Each way to the part of the Gram matrix that is computed, and its seconds.
    pub ways: Vec<(String, f64)>,
}

/// An eigenproblem.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Eigen {
    /// Columns of the matrix.
    pub columns: usize,
    /// Seconds on the host.
    pub host: f64,
    /// Seconds on the device; nothing where it has no library for it.
    pub device: Option<f64>,
}

/// Overlaps of rows with those after a flip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Overlaps {
    /// Columns of the shard.
    pub columns: usize,
    /// Seconds of one flip.
    pub one: f64,
    /// Seconds of 64 that pair blocks of rows with others.
    pub apart: f64,
    /// Seconds of 64 that pair blocks of rows with themselves.
    pub within: f64,
}

impl Bench {
    /// Gram matrices and rotations of each width.
    pub(super) fn products(&self) -> Result<Vec<Products>> {
        WIDTHS.into_iter().map(|columns| self.products_of(columns)).collect()
    }

    fn products_of(&self, columns: usize) -> Result<Products> {
        let (mut shard, kept) = (self.shard(columns)?, columns / 2);
        let rows = shard.rows();
        let gram = self.seconds(|| {
            shard.gram();
            Ok(())
        })?;
        let rotation =
            Matrix::from_shape_fn((columns, kept), |(row, column)| Complex64::from(f64::from(row == column)));
        let begin = Instant::now();
        shard.rotate(&rotation);
        self.device.synchronize(Stream::Compute)?;
        let rotation = begin.elapsed().as_secs_f64();
        drop(shard);
        let flops = (rows * columns) as f64 * (4.0 * columns as f64 + 8.0 * kept as f64);
        let rate = flops / (gram + rotation);
        let (library, ways) = self.ways(rows, columns)?;
        Ok(Products { shape: [rows, columns, kept], gram, rotation, rate, library, ways })
    }

    /// Flops a second of the library's full product, and the seconds of each way to half of it.
    fn ways(&self, rows: usize, columns: usize) -> Result<(f64, Vec<(String, f64)>)> {
        let factor = Memory::new(self.device.clone(), 16 * rows * columns)?;
        let result = Memory::new(self.device.clone(), 16 * columns * columns)?;
        self.device.clear(Stream::Compute, Rectangle { address: factor.address(), pitch: 0 }, factor.bytes(), 1)?;
        let operand = |form| Operand { address: factor.address(), stride: columns, form };
        let product = Product {
            precision: Precision::Double,
            rows: columns,
            columns,
            inner: rows,
            left: operand(Form::Plain),
            right: operand(Form::Adjoint),
            result: result.address(),
            stride: columns,
            accumulate: false,
        };
        let seconds = self.seconds(|| self.device.multiply(Stream::Compute, &product))?;
        let half = HermitianProduct {
            size: columns,
            inner: rows,
            factor: factor.address(),
            factor_stride: columns,
            result: result.address(),
            stride: columns,
            accumulate: false,
        };
        let way = |method: HermitianMethod| {
            let seconds = self.seconds(|| hermitian_product(&*self.device, method, &half))?;
            Ok((format!("{method:?}"), seconds))
        };
        let ways: Result<Vec<(String, f64)>> = HermitianMethod::ALL.into_iter().map(way).collect();
        Ok((8.0 * rows as f64 * (columns * columns) as f64 / seconds, ways?))
    }

    /// Eigenproblems of each width that is no larger than a shard.
    pub(super) fn eigenproblems(&self) -> Result<Vec<Eigen>> {
        let fits = |columns: &usize| 16 * columns * columns <= self.shard_bytes;
        EIGEN_WIDTHS.into_iter().filter(fits).map(|columns| self.eigenproblem(columns)).collect()
    }

    /// Of a matrix whose entries are all different and whose eigenvalues fall off.
    fn eigenproblem(&self, size: usize) -> Result<Eigen> {
        let entry = |(row, column): (usize, usize)| {
            let phase = (row * row) as f64 - (column * column) as f64;
            Complex64::from_polar(1.0 / (1 + row + column) as f64, phase)
        };
        let matrix = Matrix::from_shape_fn((size, size), entry);
        let host = self.seconds(|| {
            hermitian_eigen(&matrix);
            Ok(())
        })?;
        let memory = Memory::new(self.device.clone(), 16 * size * size + 8 * size)?;
        let values = memory.address() + (16 * size * size) as u64;
        let bytes: Vec<u8> =
            matrix.t().iter().flat_map(|entry| [entry.re, entry.im]).flat_map(f64::to_ne_bytes).collect();
        let solve = || {
            self.device.upload(Stream::Compute, &bytes, memory.address())?;
            self.device.solve(Stream::Compute, &Eigenproblem { size, matrix: memory.address(), values }).map(|_| ())
        };
        Ok(Eigen { columns: size, host, device: self.seconds(solve).ok() })
    }

    /// Overlaps at each width.
    pub(super) fn overlaps(&self) -> Result<Vec<Overlaps>> {
        OVERLAP_WIDTHS.into_iter().map(|columns| self.overlaps_of(columns)).collect()
    }

    fn overlaps_of(&self, columns: usize) -> Result<Overlaps> {
        let shard = self.shard(columns)?;
        let of = |first: usize, count: usize| {
            let groups: Vec<(usize, Vec<usize>)> = (first..first + count).map(|flip| (flip, vec![0])).collect();
            self.seconds(|| {
                shard.all_flip_overlaps(&groups);
                Ok(())
            })
        };
        Ok(Overlaps { columns, one: of(FLIPS, 1)?, apart: of(FLIPS, FLIPS)?, within: of(0, FLIPS)? })
    }
}

/// What was found, in words.
pub(super) fn table(found: &Found) -> String {
    let products = found.products.iter().map(products_text);
    let milliseconds = |seconds: f64| format!("{:.2} ms", 1e3 * seconds);
    let eigen = found.eigenproblems.iter().map(|one| {
        let device = one.device.map_or("no library for it".into(), milliseconds);
        format!("eigenproblem of {} columns: host {}, device {device}\n", one.columns, milliseconds(one.host))
    });
    let overlaps = found.overlaps.iter().map(|one| {
        let [within, apart] = [one.within, one.apart].map(|many| format!("{:.1}", many / one.one));
        format!("64 flips at {} columns take as long as {apart} (within blocks: {within}) by themselves\n", one.columns)
    });
    products.chain(["\n".into()]).chain(eigen).chain(["\n".into()]).chain(overlaps).collect()
}

fn products_text(found: &Products) -> String {
    let Products { shape: [rows, columns, kept], rate, library, ways, .. } = found;
    let full = 8.0 * *rows as f64 * (columns * columns) as f64 / library;
    let ways: Vec<String> =
        ways.iter().map(|(way, seconds)| format!("{way} {:.0} %", 100.0 * seconds / full)).collect();
    format!(
        "\nGram matrix and rotation of {rows} x {columns}, {kept} kept: {:.1} Tflop/s, {:.0} % of the library's {:.1}\n\
         half of a Gram matrix, in the time of a full product: {}\n",
        rate / 1e12,
        100.0 * rate / library,
        library / 1e12,
        ways.join(", ")
    )
}
