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
