/* SPDX-License-Identifier: Apache-2.0 */
#include "gates.h"

/* Adds to the gates, in 4.12 bits, what `n` values times the weights of each make. */
EDGECNN_SHARED void kernel_gate_sums(int16_t *gates, int cells, const int8_t *x, int n, const int8_t *weights,
                                     const int32_t *bias, const int32_t *multiplier, const int8_t *shift)
{
    for (int i = 0; i < 4 * cells; ++i) {
        const int32_t acc = bias[i] + kernel_dot(x, weights, (size_t)i * (size_t)n, n);
        const int32_t scaled = kernel_requantize(acc, multiplier[i / cells], shift[i / cells]);
        gates[i] = (int16_t)kernel_clamp_s16(scaled + gates[i]);
    }
}

/* All steps of a sequence: rows are its values, what was put out last, and the cells. */
EDGECNN_INLINE void kernel_unidirectional_sequence_lstm(const kernel_unidirectional_sequence_lstm_params *p,
                                                        const int8_t *const *rows, int8_t *output,
                                                        int8_t *last, int8_t *kept, int32_t *working)
{
    const int cells = p->cells;
    int16_t *const gates = (int16_t *)(void *)working, *const cell = (int16_t *)(void *)kept;
    const int8_t *before = rows[1];
    memcpy(cell, rows[2], (size_t)cells * sizeof *cell);
    for (int t = 0; t < p->steps; ++t, before = output, output += cells) {
        memset(gates, 0, (size_t)cells * 4u * sizeof *gates);
        kernel_gate_sums(gates, cells, rows[0] + t * p->in, p->in, p->input_weights, p->input_bias,
                         p->input_multiplier, p->input_shift);
        kernel_gate_sums(gates, cells, before, cells, p->recurrent_weights, p->recurrent_bias,
                         p->recurrent_multiplier, p->recurrent_shift);
        for (int i = 0; i < cells; ++i) {
            const int32_t in = kernel_gate_logistic(gates[i]), out = kernel_gate_logistic(gates[3 * cells + i]);
            const int32_t forget = kernel_gate_logistic(gates[cells + i]);
            const int32_t fresh = kernel_gate_tanh(gates[2 * cells + i], 3);
            int32_t value = kernel_clamp_s16(kernel_round_shift(forget * cell[i], 15) +
                                             kernel_round_shift(in * fresh, 15 + p->cell_bits));
            if (p->cell_clip > 0) {
                value = value < -p->cell_clip ? -p->cell_clip : value > p->cell_clip ? p->cell_clip : value;
            }
            cell[i] = (int16_t)value;
            value = kernel_requantize(out * kernel_gate_tanh(value, p->cell_bits), p->hidden_multiplier,
                                      p->hidden_shift);
            output[i] = kernel_clamp(value + p->hidden_zero_point, -128, 127);
        }
    }
    memcpy(last, before, (size_t)cells);
}
