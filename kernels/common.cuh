// What every kernel uses: complex numbers, rows by number, and the macros behind which CUDA and the host shim meet.
//
// A source is compiled once with REAL double and once with REAL float; sums are in double precision in both. Nothing is
// included: the compiler at run time has no headers. Every kernel takes one structure, whose fields have the order and
// the sizes of the structure of the same name in src/backend/cuda/arguments.rs.
#ifndef RHOSHARD_COMMON
#define RHOSHARD_COMMON

#ifndef REAL
#error "REAL is double or float"
#endif

// KERNEL(name, Arguments) { ... arguments.field ... } is the kernel name_f64 or name_f32; at most THREADS threads a block.
#ifdef RHOSHARD_SHIM
#include "shim/shim.h"
#else
#define SHARED(type, name) extern __shared__ __align__(16) unsigned char name##_bytes[]; type* name = (type*)name##_bytes
#define JOINED(name, suffix) name##suffix
#define NAMED(name, suffix) JOINED(name, suffix)
#define KERNEL_OF(name, threads, Arguments)                                                                               \
    extern "C" __global__ void __launch_bounds__(threads) NAMED(name, SUFFIX)(const __grid_constant__ Arguments arguments)
#endif
#define THREADS 256
#define KERNEL(name, Arguments) KERNEL_OF(name, THREADS, Arguments)

// All threads of the block meet here. A test leaves one of these out, by its number, to see that it would be noticed.
#ifndef SKIPPED_BARRIER
#define SKIPPED_BARRIER -1
#endif
#define BARRIER(number)                                                                                                   \
    do {                                                                                                                  \
        if ((number) != SKIPPED_BARRIER) __syncthreads();                                                                 \
    } while (0)

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

namespace KERNELS {

/// An amplitude: 16 or 8 bytes, loaded and stored at once.
struct alignas(2 * sizeof(REAL)) Complex {
    REAL re, im;
};

/// A complex number in double precision: sums, and operands of products.
struct alignas(16) Double {
    double re, im;
};

/// Neighbouring columns of a row that a thread loads and stores at once: 16 bytes in either precision.
struct alignas(16) Lane {
    static constexpr int columns = 16 / sizeof(Complex);
    Complex of[columns];
};

/// One column.
struct Single {
    static constexpr int columns = 1;
    Complex of[1];
};

__device__ inline Complex operator*(Complex a, Complex b) {
    return Complex{a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/// sum += a b
__device__ inline void add_product(Complex& sum, Complex a, Complex b) {
    sum.re += a.re * b.re;
    sum.re -= a.im * b.im;
    sum.im += a.re * b.im;
    sum.im += a.im * b.re;
}

/// sum += conj(a) b
__device__ inline void add_overlap(Double& sum, Complex a, Complex b) {
    sum.re += (double)a.re * b.re;
    sum.re += (double)a.im * b.im;
    sum.im += (double)a.re * b.im;
    sum.im -= (double)a.im * b.re;
}

/// A factor times a matrix entry, added to every column of a lane.
template <class Columns>
__device__ inline void add_product(Columns& sum, Complex factor, const Columns& values) {
#pragma unroll
    for (int column = 0; column < Columns::columns; column++) add_product(sum.of[column], factor, values.of[column]);
}

/// i / divisor for i, divisor < 2^16, by the rounded-up 2^32 / divisor; 0 stands for the divisor 1.
__device__ inline u32 quotient(u32 i, u32 reciprocal) {
    return reciprocal ? __umulhi(i, reciprocal) : i;
}

/// Pieces of a number's bits, and where each lies in a row index.
struct Spread {
    u64 fixed;  // the bits of the row index that are no number's
    u32 pieces;
    u8 from[36], length[36], to[36];
};

/// The row with this number.
__device__ inline u64 row_of(const Spread& spread, u64 number) {
    u64 row = spread.fixed;
    for (u32 piece = 0; piece < spread.pieces; piece++) {
        const u64 bits = number >> spread.from[piece] & (((u64)1 << spread.length[piece]) - 1);
        row |= bits << spread.to[piece];
    }
    return row;
}

/// Rows of the numbers first .. first + count; with repeats also of these with each value of the bits from
/// repeat_shift on. A block takes per_block of them, `blocks` blocks take one repeat.
struct Rows {
    Spread spread;
    u64 first, count;
    u64 checked, expected;  // rows whose checked bits are not the expected ones are left out
    u32 blocks, per_block;
    u32 repeats, repeat_shift;
};

/// The numbers of one block.
struct Numbers {
    u64 first;
    u32 count;
};

__device__ inline Numbers numbers_of_block(const Rows& rows) {
    u32 block = blockIdx.x;
    u64 repeat = 0;
    if (rows.repeats > 1) {
        repeat = block / rows.blocks;
        block -= (u32)repeat * rows.blocks;
    }
    const u64 offset = (u64)block * rows.per_block;
    const u64 left = rows.count - offset;
    return Numbers{(rows.first + offset) | repeat << rows.repeat_shift, left < rows.per_block ? (u32)left : rows.per_block};
}

/// A shard's rows and columns as items: lanes of one row, then those of the next; threads take consecutive ones.
struct Items {
    Rows rows;
    u64 data;    // address of the first amplitude of row 0
    u64 stride;  // amplitudes from one row to the next
    u32 lanes;   // items of a row
    u32 reciprocal;
};

/// Items that a thread has under way at the same time, where one alone would not keep the memory busy.
static constexpr int BATCH = 4;

/// Calls body(places) with some of 0 .. count for this thread, until all threads together had all; places from count on
/// are none.
template <class Body>
__device__ inline void for_each_batch(u32 count, Body body) {
    for (u32 start = threadIdx.x; start < count; start += BATCH * blockDim.x) {
        u32 places[BATCH];
#pragma unroll
        for (int i = 0; i < BATCH; i++) places[i] = start + i * blockDim.x;
        body(places);
    }
}

/// Calls body(row, lane) for every item of the block.
template <class Body>
__device__ inline void for_each_item(const Items& items, Body body) {
    const Numbers numbers = numbers_of_block(items.rows);
    const u32 count = numbers.count * items.lanes;
    for (u32 item = threadIdx.x; item < count; item += blockDim.x) {
        const u32 place = quotient(item, items.reciprocal);
        const u64 row = row_of(items.rows.spread, numbers.first + place);
        if ((row & items.rows.checked) == items.rows.expected) body(row, item - place * items.lanes);
    }
}

}  // namespace KERNELS

#endif
