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

/// Calls body(amplitude, entry) with every amplitude and its entry in the panel.
template <class Entry, class Body>
__device__ inline void for_each_entry(const PanelArguments& arguments, Body body) {
    const Items& items = arguments.items;
    const Numbers numbers = numbers_of_block(items.rows);
    const u32 count = numbers.count * items.lanes;
    for (u32 item = threadIdx.x; item < count; item += blockDim.x) {
        const u32 place = quotient(item, items.reciprocal);
        const u32 lane = item - place * items.lanes;
        const u64 number = numbers.first + place;
        const u64 column = arguments.columns ? ((const u32*)arguments.columns)[lane] : arguments.first_column + lane;
        const u64 entry = arguments.panel_columns ? ((const u32*)arguments.panel_columns)[lane] : lane;
        body(*((Complex*)items.data + (row_of(items.rows.spread, number) * items.stride + column)),
             *((Entry*)arguments.panel + ((number - items.rows.first) * arguments.panel_stride + entry)));
    }
}

KERNEL(gather, PanelArguments) {
    for_each_entry<Complex>(arguments, [](const Complex& amplitude, Complex& entry) { entry = amplitude; });
}

KERNEL(scatter, PanelArguments) {
    for_each_entry<Complex>(arguments, [](Complex& amplitude, const Complex& entry) { amplitude = entry; });
}

KERNEL(gather_double, PanelArguments) {
    for_each_entry<Double>(arguments, [](const Complex& amplitude, Double& entry) {
        entry = Double{(double)amplitude.re, (double)amplitude.im};
    });
}

KERNEL(scatter_double, PanelArguments) {
    for_each_entry<Double>(arguments, [](Complex& amplitude, const Double& entry) {
        amplitude = Complex{(REAL)entry.re, (REAL)entry.im};
    });
}

}  // namespace KERNELS
