// Overlaps of rows with the rows after a flip, summed with the signs of many masks: expectation values of Pauli strings.
#include "common.cuh"

namespace KERNELS {

/// Rows whose overlaps a block holds at a time.
static constexpr u32 CHUNK = 512;

struct OverlapArguments {
    Rows rows;              // one of each pair of rows, or all
    u64 data, stride;
    u64 partners;           // address of the conjugated rows
    u64 partner_stride;
    u64 flip;               // of the row index
    u64 first_partner;      // index of the first of the conjugated rows
    u64 signs;              // address of the masks
    u64 sums;               // [block][mask], complex
    u32 width;              // columns
    u32 column_bits;        // so many threads, as a power of two, share a row: at most a warp
    u32 masks;
    u32 unused;
};

/// The threads of a row add up what each has; all have the result.
__device__ inline Double summed_over(Double sum, u32 threads) {
    for (u32 step = threads / 2; step; step /= 2) {
        sum.re += __shfl_xor_sync(0xffffffffu, sum.re, step);
        sum.im += __shfl_xor_sync(0xffffffffu, sum.im, step);
    }
    return sum;
}

/// overlaps[i] = sum_c conj(partner[c]) L[row, c] for the row with number first + i.
__device__ inline void find_overlaps(const OverlapArguments& arguments, u64 first, u32 count, Double* overlaps, u64* rows) {
    const u32 threads = 1u << arguments.column_bits, lane = threadIdx.x & (threads - 1);
    for (u32 start = 0; start < count; start += blockDim.x >> arguments.column_bits) {
        const u32 place = start + (threadIdx.x >> arguments.column_bits);
        Double sum = {};
        u64 row = 0;
        if (place < count) {
            row = row_of(arguments.rows.spread, first + place);
            const u64 partner = (row ^ arguments.flip) - arguments.first_partner;
            const Complex* ket = (const Complex*)arguments.data + row * arguments.stride;
            const Complex* bra = (const Complex*)arguments.partners + partner * arguments.partner_stride;
            for (u32 column = lane; column < arguments.width; column += threads) add_overlap(sum, bra[column], ket[column]);
        }
        sum = summed_over(sum, threads);
        if (lane == 0 && place < count) {
            overlaps[place] = sum;
            rows[place] = row;
        }
    }
}

/// Adds the overlaps, with the signs of each mask, to the block's sums. A warp takes one mask at a time.
__device__ inline void add_signed(const OverlapArguments& arguments, u32 count, const Double* overlaps, const u64* rows,
                                  bool is_first) {
    const u32 lane = threadIdx.x & 31;
    Double* sums = (Double*)arguments.sums + (u64)blockIdx.x * arguments.masks;
    for (u32 mask = threadIdx.x >> 5; mask < arguments.masks; mask += blockDim.x >> 5) {
        const u64 sign = ((const u64*)arguments.signs)[mask];
        Double sum = {};
        for (u32 place = lane; place < count; place += 32) {
            const double factor = __popcll(sign & rows[place]) & 1 ? -1.0 : 1.0;
            sum.re += factor * overlaps[place].re;
            sum.im += factor * overlaps[place].im;
        }
        sum = summed_over(sum, 32);
        if (lane == 0) {
            const Double before = is_first ? Double{0, 0} : sums[mask];
            sums[mask] = Double{before.re + sum.re, before.im + sum.im};
        }
    }
}

/// Rows of a block, whose overlaps with all rows of another block are found at once.
static constexpr u32 BLOCK = 64;
/// Columns of both blocks that are in shared memory at a time.
static constexpr u32 STEP = 16;
/// Entries from one column in shared memory to the next: so neighbouring columns do not lie in the same bank.
static constexpr u32 PITCH = BLOCK + 1;
/// Of the products, a thread has so many rows and so many columns, this far apart.
static constexpr u32 OWN = 4, APART = BLOCK / OWN;

struct BlockOverlapArguments {
    u64 data, stride;
    u64 high;     // the number of a block after the flips
    u64 below;    // mask of the bits below the highest one of `high`, all bits if it is 0: one block of each pair is taken
    u64 blocks;   // how many are taken
    u64 lows;     // address: for each sum, the flip within a block
    u64 signs;    // address: for each sum, its mask
    u64 sums;     // [block of threads][sum], complex
    u32 width;    // columns
    u32 count;    // sums
};

/// sum += conj(a) b
__device__ inline void add_overlap(Double& sum, Double a, Double b) {
    sum.re += a.re * b.re;
    sum.re += a.im * b.im;
    sum.im += a.re * b.im;
    sum.im -= a.im * b.re;
}

/// Copies some columns of a block of rows to shared memory, column by column; those that are none are zeros.
__device__ inline void load_columns(const BlockOverlapArguments& arguments, u64 block, u32 first, Double* columns) {
    const u32 column = threadIdx.x % STEP;
    for (u32 row = threadIdx.x / STEP; row < BLOCK; row += blockDim.x / STEP) {
        Double value = {0, 0};
        if (first + column < arguments.width) {
            const Complex* base = (const Complex*)arguments.data + (block * BLOCK + row) * arguments.stride;
            value = Double{base[first + column].re, base[first + column].im};
        }
        columns[column * PITCH + row] = value;
    }
}

/// products[i][j] += sum over the columns of conj(bra) ket, for every 16th row i of the ket and j of the bra.
__device__ inline void add_products(const Double* kets, const Double* bras, Double products[OWN][OWN]) {
    const u32 row = threadIdx.x / APART, other = threadIdx.x % APART;
    for (u32 column = 0; column < STEP; column++) {
        Double ket[OWN], bra[OWN];
#pragma unroll
        for (u32 i = 0; i < OWN; i++) {
            ket[i] = kets[column * PITCH + row + i * APART];
            bra[i] = bras[column * PITCH + other + i * APART];
        }
#pragma unroll
        for (u32 i = 0; i < OWN; i++) {
#pragma unroll
            for (u32 j = 0; j < OWN; j++) add_overlap(products[i][j], bra[j], ket[i]);
        }
    }
}

/// Adds diagonals of the products, after each flip, with the signs of its mask. A warp takes one sum at a time.
__device__ inline void add_diagonals(const BlockOverlapArguments& arguments, u64 block, const Double* products, bool is_first) {
    const u32 lane = threadIdx.x & 31;
    Double* sums = (Double*)arguments.sums + (u64)blockIdx.x * arguments.count;
    for (u32 place = threadIdx.x >> 5; place < arguments.count; place += blockDim.x >> 5) {
        const u32 low = ((const u32*)arguments.lows)[place];
        const u64 sign = ((const u64*)arguments.signs)[place];
        Double sum = {};
        for (u32 row = lane; row < BLOCK; row += 32) {
            const double factor = __popcll(sign & (block * BLOCK + row)) & 1 ? -1.0 : 1.0;
            const Double product = products[row * BLOCK + (row ^ low)];
            sum.re += factor * product.re;
            sum.im += factor * product.im;
        }
        sum = summed_over(sum, 32);
        if (lane == 0) {
            const Double before = is_first ? Double{0, 0} : sums[place];
            sums[place] = Double{before.re + sum.re, before.im + sum.im};
        }
    }
}

/// The overlaps of all flips that pair the same blocks, from the products of the blocks' rows. 256 threads.
KERNEL(block_overlaps, BlockOverlapArguments) {
    SHARED(Double, shared);
    Double* bras = shared + STEP * PITCH;
    for (u64 number = blockIdx.x; number < arguments.blocks; number += gridDim.x) {
        const u64 block = (number & arguments.below) | (number & ~arguments.below) << 1;
        Double products[OWN][OWN] = {};
        for (u32 first = 0; first < arguments.width; first += STEP) {
            load_columns(arguments, block, first, shared);
            load_columns(arguments, block ^ arguments.high, first, bras);
            BARRIER(0);
            add_products(shared, bras, products);
            BARRIER(1);
        }
#pragma unroll
        for (u32 i = 0; i < OWN; i++) {
#pragma unroll
            for (u32 j = 0; j < OWN; j++) {
                shared[(threadIdx.x / APART + i * APART) * BLOCK + threadIdx.x % APART + j * APART] = products[i][j];
            }
        }
        BARRIER(2);
        add_diagonals(arguments, block, shared, number < gridDim.x);
        BARRIER(3);
    }
}

KERNEL(overlaps, OverlapArguments) {
    SHARED(Double, overlaps);
    u64* rows = (u64*)(overlaps + CHUNK);
    const u64 count = arguments.rows.count, step = (u64)gridDim.x * CHUNK;
    for (u64 start = (u64)blockIdx.x * CHUNK; start < count; start += step) {
        const u32 here = count - start < CHUNK ? (u32)(count - start) : CHUNK;
        find_overlaps(arguments, arguments.rows.first + start, here, overlaps, rows);
        BARRIER(0);
        add_signed(arguments, here, overlaps, rows, start < step);
        BARRIER(1);
    }
}

}  // namespace KERNELS
