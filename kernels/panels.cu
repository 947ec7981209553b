// Some columns of some rows, packed: messages, operands of matrix products, and columns on their way to other places.
#include "common.cuh"

namespace KERNELS {

/// Row `number - rows.first` of the panel has the listed columns of the row with the number.
struct PanelArguments {
    Items items;        // the shard
    u64 columns;        // address of the listed columns, 0: consecutive ones
    u64 first_column;   // the first of consecutive ones
    u64 panel;          // address
    u64 panel_stride;   // entries from one row of the panel to the next
    u64 panel_columns;  // address of the listed columns' places in the panel, 0: in order
};

/// Copies every amplitude to its entry in the panel, or back. Formats::read(amplitude, entry) gives the value of the one,
/// Formats::write(value, amplitude, entry) changes the other.
template <class Formats>
__device__ inline void copy_entries(const PanelArguments& arguments) {
    typedef typename Formats::Entry Entry;
    const Items& items = arguments.items;
    const Numbers numbers = numbers_of_block(items.rows);
    const u32 count = numbers.count * items.lanes;
    for_each_batch(count, [&](const u32 (&places)[BATCH]) {
        Complex* amplitudes[BATCH];
        Entry* entries[BATCH];
        Complex values[BATCH];
#pragma unroll
        for (int i = 0; i < BATCH; i++) {
            if (places[i] >= count) continue;
            const u32 place = quotient(places[i], items.reciprocal);
            const u32 lane = places[i] - place * items.lanes;
            const u64 number = numbers.first + place;
            const u64 column = arguments.columns ? ((const u32*)arguments.columns)[lane] : arguments.first_column + lane;
            const u64 entry = arguments.panel_columns ? ((const u32*)arguments.panel_columns)[lane] : lane;
            amplitudes[i] = (Complex*)items.data + (row_of(items.rows.spread, number) * items.stride + column);
            entries[i] = (Entry*)arguments.panel + ((number - items.rows.first) * arguments.panel_stride + entry);
            values[i] = Formats::read(*amplitudes[i], *entries[i]);
        }
#pragma unroll
        for (int i = 0; i < BATCH; i++) {
            if (places[i] < count) Formats::write(values[i], *amplitudes[i], *entries[i]);
        }
    });
}

struct Gather {
    typedef Complex Entry;
    __device__ static Complex read(const Complex& amplitude, const Entry&) { return amplitude; }
    __device__ static void write(Complex value, Complex&, Entry& entry) { entry = value; }
};

struct Scatter {
    typedef Complex Entry;
    __device__ static Complex read(const Complex&, const Entry& entry) { return entry; }
    __device__ static void write(Complex value, Complex& amplitude, Entry&) { amplitude = value; }
};

struct GatherDouble {
    typedef Double Entry;
    __device__ static Complex read(const Complex& amplitude, const Entry&) { return amplitude; }
    __device__ static void write(Complex value, Complex&, Entry& entry) { entry = Double{(double)value.re, (double)value.im}; }
};

struct ScatterDouble {
    typedef Double Entry;
    __device__ static Complex read(const Complex&, const Entry& entry) { return Complex{(REAL)entry.re, (REAL)entry.im}; }
    __device__ static void write(Complex value, Complex& amplitude, Entry&) { amplitude = value; }
};

KERNEL(gather, PanelArguments) { copy_entries<Gather>(arguments); }
KERNEL(scatter, PanelArguments) { copy_entries<Scatter>(arguments); }
KERNEL(gather_double, PanelArguments) { copy_entries<GatherDouble>(arguments); }
KERNEL(scatter_double, PanelArguments) { copy_entries<ScatterDouble>(arguments); }

}  // namespace KERNELS
