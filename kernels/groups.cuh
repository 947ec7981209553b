// Groups of 2^K rows that differ in the K target bits: what dense matrices and permutations act on.
//
// Two ways to them. *Across*: a thread takes the same columns of all rows of a group, so that neighbouring threads read
// neighbouring columns whatever the targets are. A pure state has one column, but for targets from bit b on its lowest
// b bits serve as 2^b columns. *Within*: when a target of a pure state is one of the lowest bits, a block takes runs of
// consecutive rows through shared memory; then global memory is read and written in order all the same.
#ifndef RHOSHARD_GROUPS
#define RHOSHARD_GROUPS

#include "common.cuh"

namespace KERNELS {

/// Groups across rows: the items' rows have target bits zero.
struct Across {
    Items items;
    u64 distance[5];  // amplitudes between rows that differ in the target bit
};

/// Groups within tiles: a tile's rows differ in the lowest `low` bits and in the targets above.
struct Within {
    Rows rows;  // one number a tile
    u64 data;
    u64 distance[5];           // amplitudes between rows that differ in the target above, the lowest first
    u32 checked, expected;     // among the lowest bits: groups that fail are left as they are
    u32 low, high;             // so many lowest bits, so many targets above
    u32 holes[5];              // places of the targets in the number of a tile's row, ascending
    u32 slots[5];              // what each target bit adds to the slot, in the order of the matrix
};

/// Amplitudes that a row of shared memory's banks holds.
static constexpr u32 BANK_BITS = sizeof(REAL) == 8 ? 3 : 4;

/// Where a tile's row lies in shared memory: rows that differ in any few of the lowest bits lie in different banks.
__device__ inline u32 slot_of(u32 row) {
    return row ^ ((0u - (row >> BANK_BITS & 1)) & ((1u << BANK_BITS) - 1));
}

/// Distance of the row whose target bits are `value`.
template <int K>
__device__ inline u64 distance_of(const u64 (&distance)[5], int value) {
    u64 sum = 0;
#pragma unroll
    for (int bit = 0; bit < K; bit++) sum += value >> bit & 1 ? distance[bit] : 0;
    return sum;
}

/// The action on groups across rows. Of the values that the action reads, action.apply(values, store) makes results and
/// calls store(value, result); action.place(value, own) says where the result goes, `own` is where the value came from.
template <int K, class Columns, class Action>
__device__ inline void across(const Across& groups, const Action& action) {
    const Items& items = groups.items;
    for_each_item(items, [&](u64 row, u32 lane) {
        Complex* base = (Complex*)items.data + (row * items.stride + (u64)lane * Columns::columns);
        Columns values[1 << K];
#pragma unroll
        for (int value = 0; value < 1 << K; value++) {
            if (action.reads(value)) values[value] = *(const Columns*)(base + distance_of<K>(groups.distance, value));
        }
        action.apply(values, [&](int value, const Columns& result) {
            *(Columns*)(base + action.place(value, distance_of<K>(groups.distance, value))) = result;
        });
    });
}

/// Address of a tile's row.
__device__ inline Complex* row_of_tile(const Within& groups, Complex* tile, u32 row) {
    u64 offset = row & ((1u << groups.low) - 1);
    const u32 above = row >> groups.low;
#pragma unroll
    for (int bit = 0; bit < 5; bit++) offset += above >> bit & 1 ? groups.distance[bit] : 0;
    return tile + offset;
}

/// The number with zeros put in at the holes.
template <int K>
__device__ inline u32 with_holes(const u32 (&holes)[5], u32 number) {
#pragma unroll
    for (int hole = 0; hole < K; hole++) {
        const u32 below = (1u << holes[hole]) - 1;
        number = (number & below) | (number & ~below) << 1;
    }
    return number;
}

/// What the value of the target bits adds to a slot.
template <int K>
__device__ inline u32 slot_of_value(const u32 (&slots)[5], int value) {
    u32 slot = 0;
#pragma unroll
    for (int bit = 0; bit < K; bit++) slot ^= value >> bit & 1 ? slots[bit] : 0;
    return slot;
}

/// The action on groups within tiles; `shared` has a slot for each of a tile's rows.
template <int K, class Action>
__device__ inline void within(const Within& groups, const Action& action, Complex* shared) {
    const u64 row = row_of(groups.rows.spread, numbers_of_block(groups.rows).first);
    if ((row & groups.rows.checked) != groups.rows.expected) return;
    Complex* tile = (Complex*)groups.data + row;
    const u32 size = 1u << (groups.low + groups.high);
    for_each_batch(size, [&](const u32 (&places)[BATCH]) {
        Complex values[BATCH];
#pragma unroll
        for (int i = 0; i < BATCH; i++) {
            if (places[i] < size) values[i] = *row_of_tile(groups, tile, places[i]);
        }
#pragma unroll
        for (int i = 0; i < BATCH; i++) {
            if (places[i] < size) shared[slot_of(places[i])] = values[i];
        }
    });
    BARRIER(0);
    for (u32 number = threadIdx.x; number < size >> K; number += blockDim.x) {
        const u32 first = with_holes<K>(groups.holes, number);
        if ((first & groups.checked) != groups.expected) continue;
        const u32 base = slot_of(first);
        Single values[1 << K];
#pragma unroll
        for (int value = 0; value < 1 << K; value++) {
            if (action.reads(value)) values[value].of[0] = shared[base ^ slot_of_value<K>(groups.slots, value)];
        }
        action.apply(values, [&](int value, const Single& result) {
            shared[base ^ (u32)action.place(value, slot_of_value<K>(groups.slots, value))] = result.of[0];
        });
    }
    BARRIER(1);
    for (u32 place = threadIdx.x; place < size; place += blockDim.x) {
        *row_of_tile(groups, tile, place) = shared[slot_of(place)];
    }
}

}  // namespace KERNELS

#endif
