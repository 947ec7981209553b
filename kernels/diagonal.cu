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

KERNEL(diagonal, DiagonalArguments) {
    SHARED(Complex, entries);
    if (!arguments.table) {
        if (threadIdx.x < 1u << arguments.targets) entries[threadIdx.x] = arguments.entries[threadIdx.x];
        BARRIER(0);
    }
    const Complex* table = arguments.table ? (const Complex*)arguments.table : entries;
    for_each_item(arguments.items, [&](u64 row, u32 column) {
        u32 value = 0;
        for (u32 bit = 0; bit < arguments.targets; bit++) value |= (u32)(row >> arguments.target[bit] & 1) << bit;
        const Complex entry = table[value];
        if (entry.re == 1 && entry.im == 0) return;
        Complex* amplitude = (Complex*)arguments.items.data + (row * arguments.items.stride + column);
        *amplitude = entry * *amplitude;
    });
}

}  // namespace KERNELS
