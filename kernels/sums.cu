// Sums over rows, for each column, and over columns, for each row. Their order is fixed: it depends on the shape of the
// shard alone, and never on which thread comes first.
#include "common.cuh"

namespace KERNELS {

struct ColumnArguments {
    Rows rows;           // numbers of the groups; a part of them for each block
    u64 data, stride;
    u64 columns;         // address of the listed columns, 0: all
    u64 sums;            // [part][pair][column], complex
    u64 distance[4];     // amplitudes from the first row of a group to each of its rows
    u32 count;           // columns
    u32 column_bits;     // so many columns, as a power of two, are neighbouring threads
    u32 column_blocks;   // blocks that share the columns of a part out
    u32 unused;
};

/// Adds the threads' sums over the rows of a column; the first of them has the result. A tree, always the same.
__device__ inline Double summed(Double own, Double* shared, u32 column_bits) {
    shared[threadIdx.x] = own;
    for (u32 half = blockDim.x / 2; half >> column_bits; half /= 2) {
        BARRIER(0);
        if (threadIdx.x < half) {
            shared[threadIdx.x].re += shared[threadIdx.x + half].re;
            shared[threadIdx.x].im += shared[threadIdx.x + half].im;
        }
    }
    const Double sum = shared[threadIdx.x];
    BARRIER(1);
    return sum;
}

/// For all rows s >= t of a group, (0,0), (1,0), (1,1), ...: sum over groups of conj(L[s, c]) L[t, c].
template <int VALUES>
__device__ inline void column_sums(const ColumnArguments& arguments) {
    const int PAIRS = VALUES * (VALUES + 1) / 2;
    SHARED(Double, shared);
    const u32 part = blockIdx.x / arguments.column_blocks, columns = 1u << arguments.column_bits;
    const u32 place = (blockIdx.x % arguments.column_blocks) * columns + (threadIdx.x & (columns - 1));
    const u64 column = arguments.columns && place < arguments.count ? ((const u32*)arguments.columns)[place] : place;
    const u64 first = (u64)part * arguments.rows.per_block, left = arguments.rows.count - first;
    const u64 end = place >= arguments.count ? 0 : left < arguments.rows.per_block ? left : arguments.rows.per_block;
    Double sums[PAIRS] = {};
    for (u64 number = threadIdx.x >> arguments.column_bits; number < end; number += blockDim.x >> arguments.column_bits) {
        const u64 row = row_of(arguments.rows.spread, first + number);
        const Complex* base = (const Complex*)arguments.data + (row * arguments.stride + column);
        Complex values[VALUES];
#pragma unroll
        for (int value = 0; value < VALUES; value++) values[value] = base[arguments.distance[value]];
#pragma unroll
        for (int s = 0; s < VALUES; s++) {
#pragma unroll
            for (int t = 0; t <= s; t++) add_overlap(sums[s * (s + 1) / 2 + t], values[s], values[t]);
        }
    }
    Double* into = (Double*)arguments.sums + ((u64)part * PAIRS * arguments.count + place);
#pragma unroll
    for (int pair = 0; pair < PAIRS; pair++) {
        const Double sum = summed(sums[pair], shared, arguments.column_bits);
        if (threadIdx.x < columns && place < arguments.count) into[(u64)pair * arguments.count] = sum;
    }
}

KERNEL(column_sums_1, ColumnArguments) { column_sums<1>(arguments); }
KERNEL(column_sums_2, ColumnArguments) { column_sums<2>(arguments); }
KERNEL(column_sums_4, ColumnArguments) { column_sums<4>(arguments); }

struct PartArguments {
    u64 parts;  // [part][value], complex
    u64 sums;   // [value]
    u64 count;  // values
    u64 number; // of parts
};

/// The sum of all parts, in their order.
KERNEL(sum_parts, PartArguments) {
    const u64 place = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (place >= arguments.count) return;
    Double sum = {};
    for (u64 part = 0; part < arguments.number; part++) {
        const Double value = ((const Double*)arguments.parts)[part * arguments.count + place];
        sum.re += value.re;
        sum.im += value.im;
    }
    ((Double*)arguments.sums)[place] = sum;
}

struct WeightArguments {
    Spread parts;             // the first row of each part
    u64 first, parts_count;   // the first part, and how many
    u64 summed, rows;         // bits in which the rows of a part differ, and how many rows that makes
    u64 data, stride;
    u64 columns;              // address of the listed columns, 0: all
    u64 weights;              // one double a part
    u32 count;                // columns
    u32 column_bits;          // so many threads, as a power of two, share a part: at most a warp
};

/// sum |L[row, c]|^2 over the rows of each part, one after the other.
KERNEL(row_weights, WeightArguments) {
    const u32 columns = 1u << arguments.column_bits, lane = threadIdx.x & (columns - 1);
    const u64 part = (u64)blockIdx.x * (blockDim.x >> arguments.column_bits) + (threadIdx.x >> arguments.column_bits);
    double sum = 0;
    if (part < arguments.parts_count) {
        const u64 own = row_of(arguments.parts, arguments.first + part);
        u64 other = 0;
        for (u64 number = 0; number < arguments.rows; number++) {
            const Complex* base = (const Complex*)arguments.data + (own | other) * arguments.stride;
            for (u32 place = lane; place < arguments.count; place += columns) {
                const Complex value = base[arguments.columns ? ((const u32*)arguments.columns)[place] : place];
                sum += (double)value.re * value.re + (double)value.im * value.im;
            }
            // The next number whose ones are all in `summed`.
            other = (other - arguments.summed) & arguments.summed;
        }
    }
    for (u32 step = columns / 2; step; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (lane == 0 && part < arguments.parts_count) ((double*)arguments.weights)[part] = sum;
}

}  // namespace KERNELS
