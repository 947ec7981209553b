// Every row times an entry, chosen by its target bits.
#include "common.cuh"

namespace KERNELS {

/// Entries up to this many are part of the arguments.
static constexpr int INLINE_ENTRIES = 32;

struct DiagonalArguments {
    Items items;  // of one column each
    u64 table;    // address of the entries, 0 when they are here
    u32 targets;
    u8 target[36];
    Complex entries[INLINE_ENTRIES];
};

/// The value of the target bits.
__device__ inline u32 value_of(const DiagonalArguments& arguments, u64 row) {
    u32 value = 0;
    for (u32 bit = 0; bit < arguments.targets; bit++) value |= (u32)(row >> arguments.target[bit] & 1) << bit;
    return value;
}

KERNEL(diagonal, DiagonalArguments) {
    SHARED(Complex, entries);
    if (!arguments.table) {
        if (threadIdx.x < 1u << arguments.targets) entries[threadIdx.x] = arguments.entries[threadIdx.x];
        BARRIER(0);
    }
    const Complex* table = arguments.table ? (const Complex*)arguments.table : entries;
    const Items& items = arguments.items;
    const Numbers numbers = numbers_of_block(items.rows);
    const u32 count = numbers.count * items.lanes;
    for_each_batch(count, [&](const u32 (&places)[BATCH]) {
        Complex* amplitudes[BATCH];
        Complex values[BATCH];
#pragma unroll
        for (int i = 0; i < BATCH; i++) {
            const u32 place = quotient(places[i], items.reciprocal);
            const u64 row = row_of(items.rows.spread, numbers.first + place);
            amplitudes[i] = nullptr;
            if (places[i] >= count || (row & items.rows.checked) != items.rows.expected) continue;
            const Complex entry = table[value_of(arguments, row)];
            if (entry.re == 1 && entry.im == 0) continue;
            amplitudes[i] = (Complex*)items.data + (row * items.stride + (places[i] - place * items.lanes));
            values[i] = entry * *amplitudes[i];
        }
#pragma unroll
        for (int i = 0; i < BATCH; i++) {
            if (amplitudes[i]) *amplitudes[i] = values[i];
        }
    });
}

}  // namespace KERNELS
