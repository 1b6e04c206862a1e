/* SPDX-License-Identifier: Apache-2.0 */
/* What the example needs of TFLM's resolver. */
#ifndef STUB_RESOLVER_H
#define STUB_RESOLVER_H

namespace tflite {

class MicroOpResolver {};

template <unsigned N>
class MicroMutableOpResolver : public MicroOpResolver {
public:
    void AddConv2D() {}
    void AddMaxPool2D() {}
    void AddReshape() {}
    void AddFullyConnected() {}
    void AddSoftmax() {}
};

}  // namespace tflite
#endif
