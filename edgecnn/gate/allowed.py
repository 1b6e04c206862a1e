# SPDX-License-Identifier: Apache-2.0
"""What a stranger's model may name: everything here computes on its inputs and does nothing else.

The lists are written out, so that nothing gets in because some version of Keras or TensorFlow has it. Left
out are what holds or finds code (Lambda, TFSMLayer, JaxLayer, TorchModuleWrapper, InstanceMethod,
TensorFlowOpLayer, py_function, load_library) and what reads or writes files (StringLookup, TextVectorization,
io.read_file, ReadFile, PrintV2). tests/gate/test_allowed.py compares them with what is installed.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Where a file may say that a class or function is from. Keras imports any module that is named to it.
MODULES = _names("""
    builtins keras keras.activations keras.constraints keras.dtype_policies keras.initializers keras.layers
    keras.layers.experimental keras.layers.experimental.preprocessing keras.losses keras.metrics
    keras.mixed_precision keras.models keras.ops keras.optimizers keras.optimizers.experimental
    keras.optimizers.legacy keras.optimizers.schedules keras.regularizers
    keras.src.applications.convnext keras.src.applications.inception_resnet_v2
    keras.src.engine.functional keras.src.engine.sequential keras.src.engine.training
    keras.src.layers.core.tf_op_lambda keras.src.layers.core.tf_op_layer
    keras.src.models.functional keras.src.models.model keras.src.models.sequential
    keras.src.ops.core keras.src.ops.image keras.src.ops.linalg keras.src.ops.math keras.src.ops.nn
    keras.src.ops.numpy
    tf_keras.src.activations tf_keras.src.applications.convnext
    tf_keras.src.applications.inception_resnet_v2 tf_keras.src.engine.functional
    tf_keras.src.engine.sequential tf_keras.src.engine.training tf_keras.src.layers.core.tf_op_layer
    tensorflow.python.ops.init_ops_v2
    tensorflow_model_optimization.python.core.quantization.keras.quantize_annotate
    tensorflow_model_optimization.python.core.quantization.keras.quantize_aware_activation
    tensorflow_model_optimization.python.core.quantization.keras.quantize_layer
    tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper
    tensorflow_model_optimization.python.core.quantization.keras.quantizers
    tensorflow_model_optimization.python.core.quantization.keras.default_8bit.default_8bit_quantize_configs
    tensorflow_model_optimization.python.core.quantization.keras.default_8bit.default_8bit_quantize_registry
    tensorflow_model_optimization.python.core.sparsity.keras.prune
    tensorflow_model_optimization.python.core.sparsity.keras.pruning_schedule
    tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper
""")

MODELS = _names("Functional Model Sequential")

LAYERS = _names("""
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D Add AdditiveAttention AlphaDropout Attention AugMix
    AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D
    BatchNormalization BatchNormalizationV1 BatchNormalizationV2 Bidirectional CenterCrop Concatenate
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
    Conv3DTranspose ConvLSTM1D ConvLSTM2D Convolution1D Convolution1DTranspose Convolution2D
    Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D Cropping2D Cropping3D
    CustomScaleLayer CutMix Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding
    Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D
    GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell
    LayerNormalization LayerScale LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxPool1D
    MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MixUp MultiHeadAttention
    Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform
    RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert
    RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear
    RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape Resizing SeparableConv1D
    SeparableConv2D SeparableConvolution1D SeparableConvolution2D SimpleRNN SimpleRNNCell SlicingOpLambda
    Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization
    StackedRNNCells Subtract TFOpLambda ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D
    UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
""")

# Of the toolkit that prunes and quantizes.
WRAPPERS = _names("""
    AllValuesQuantizer ConstantSparsity Default8BitActivationQuantizeConfig
    Default8BitConvQuantizeConfig Default8BitConvTransposeQuantizeConfig Default8BitConvWeightsQuantizer
    Default8BitConvTransposeWeightsQuantizer Default8BitOutputQuantizeConfig Default8BitQuantizeConfig
    LastValueQuantizer MovingAverageQuantizer NoOpActivation NoOpQuantizeConfig PolynomialDecay
    PruneLowMagnitude QuantizeAnnotate QuantizeAwareActivation QuantizeLayer QuantizeWrapper
    QuantizeWrapperV2
""")

# edgecnn's own, as they are registered.
OURS = _names(
    "edgecnn>ChannelMax edgecnn>ChannelMean edgecnn>Clip edgecnn>HardSwish edgecnn>KeepsRange "
    "edgecnn>QuantizesOutput edgecnn>Resize edgecnn>Slice"
)

INITIALIZERS = _names("""
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal
    LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal
    VarianceScaling Zeros constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal
    lecun_uniform normal one ones orthogonal random_normal random_uniform truncated_normal uniform
    variance_scaling zero zeros
""")

REGULARIZERS = _names("L1 L1L2 L2 OrthogonalRegularizer l1 l1_l2 l2 orthogonal_regularizer")

CONSTRAINTS = _names("""
    MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm max_norm maxnorm min_max_norm non_neg nonneg
    radial_constraint unit_norm unitnorm
""")

ACTIVATIONS = _names("""
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear
    log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign
    sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
""")

# What a model inside a model was compiled with; of the outermost one Keras is told not to read that.
TRAINING = _names("""
    Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer Muon Nadam RMSprop SGD
    CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay
    BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy
    CategoricalHinge CosineSimilarity Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError
    MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
    SparseCategoricalCrossentropy SquaredHinge Tversky AUC Accuracy BinaryAccuracy BinaryIoU
    CategoricalAccuracy F1Score FBetaScore FalseNegatives FalsePositives IoU Mean MeanIoU OneHotIoU
    OneHotMeanIoU Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
    SensitivityAtSpecificity SparseCategoricalAccuracy SparseTopKCategoricalAccuracy
    SpecificityAtSensitivity Sum TopKCategoricalAccuracy TrueNegatives TruePositives
""")

POLICIES = _names("DTypePolicy DTypePolicyMap FloatDTypePolicy Policy")

# How Keras writes values that JSON lacks.
VALUES = _names("""
    TensorShape __bytes__ __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__
""")

# The operations of Keras 3, which are nodes of a model: x + 1 is Add.
OPERATIONS = _names("""
    Abs Absolute Add Amax Amin AveragePool BatchNorm BroadcastTo Cast Ceil Clip Concatenate Conv
    ConvTranspose Cos DepthToSpace DepthwiseConv Divide Dot Einsum Elu Equal Erf Exp ExpandDims Flip Floor
    FloorDivide Gelu GetItem Greater GreaterEqual HardSigmoid HardSilu LayerNorm LeakyRelu Less LessEqual
    Log LogSoftmax LogicalAnd LogicalNot LogicalOr Logsumexp Matmul Max MaxPool Maximum Mean Min Minimum Mod
    Moments Moveaxis Multiply Negative Norm Normalize NotEqual OnesLike Pad Power Prod RMSNorm Reciprocal
    Relu Relu6 Repeat Reshape Resize Roll Round Rsqrt Selu SeparableConv Sigmoid Sign Silu Sin Slice
    Softmax Softplus Softsign SpaceToDepth Split Sqrt Square Squeeze Stack Std StopGradient Subtract Sum
    Swapaxes Take Tanh Tensordot Tile Transpose TrueDivide Var Where ZerosLike
""")

CLASSES = (
    MODELS
    | LAYERS
    | WRAPPERS
    | INITIALIZERS
    | REGULARIZERS
    | CONSTRAINTS
    | ACTIVATIONS
    | TRAINING
    | POLICIES
    | VALUES
    | OPERATIONS
)

# What a string means, by the end of its name in a configuration: Keras looks it up among what its modules
# have imported.
STRINGS = {
    "activation": ACTIVATIONS | LAYERS,
    "_initializer": INITIALIZERS,
    "_regularizer": REGULARIZERS,
    "_constraint": CONSTRAINTS,
}

# What a TFOpLambda of Keras 2 may call: x + 1 is math.add, or compat.v1.math.add.
TF_FUNCTIONS = _names("""
    __operators__.add __operators__.eq __operators__.getitem __operators__.ne argsort batch_to_space
    boolean_mask broadcast_to cast clip_by_value concat convert_to_tensor einsum ensure_shape expand_dims
    eye fill gather gather_nd identity image.adjust_brightness image.adjust_contrast image.central_crop
    image.convert_image_dtype image.crop_to_bounding_box image.extract_patches image.flip_left_right
    image.flip_up_down image.grayscale_to_rgb image.pad_to_bounding_box image.per_image_standardization
    image.resize image.resize_with_crop_or_pad image.resize_with_pad image.rgb_to_grayscale image.rot90
    image.transpose linalg.matmul linalg.matrix_transpose linalg.matvec linalg.normalize math.abs math.add
    math.add_n math.argmax math.argmin math.ceil math.cos math.divide math.divide_no_nan math.equal math.erf
    math.exp math.expm1 math.floor math.floordiv math.floormod math.greater math.greater_equal
    math.l2_normalize math.less math.less_equal math.log math.log1p math.log_sigmoid math.logical_and
    math.logical_not math.logical_or math.maximum math.minimum math.multiply math.multiply_no_nan
    math.negative math.not_equal math.pow math.reciprocal math.reduce_all math.reduce_any
    math.reduce_euclidean_norm math.reduce_logsumexp math.reduce_max math.reduce_mean math.reduce_min
    math.reduce_prod math.reduce_std math.reduce_sum math.reduce_variance math.rint math.round math.rsqrt
    math.scalar_mul math.sigmoid math.sign math.sin math.softplus math.sqrt math.square
    math.squared_difference math.subtract math.tan math.tanh math.top_k math.truediv nn.avg_pool
    nn.avg_pool1d nn.avg_pool2d nn.batch_normalization nn.bias_add nn.conv1d nn.conv2d nn.conv2d_transpose
    nn.convolution nn.crelu nn.depth_to_space nn.depthwise_conv2d nn.dropout nn.elu nn.gelu nn.l2_loss
    nn.leaky_relu nn.local_response_normalization nn.log_softmax nn.max_pool nn.max_pool1d nn.max_pool2d
    nn.moments nn.pool nn.relu nn.relu6 nn.selu nn.separable_conv2d nn.silu nn.softmax nn.softsign
    nn.space_to_depth norm one_hot ones ones_like pad quantization.fake_quant_with_min_max_args
    quantization.fake_quant_with_min_max_vars quantization.fake_quant_with_min_max_vars_per_channel range
    rank realdiv repeat reshape reverse roll shape size slice space_to_batch space_to_batch_nd split squeeze
    stack stop_gradient strided_slice tensordot tile transpose unstack where zeros zeros_like
""")

# The ops of a SavedModel's graph and functions.
OPS = _names("""
    Abs Acos Acosh Add AddN AddV2 AdjustContrastv2 AdjustHue AdjustSaturation All Any ArgMax ArgMin Asin
    Asinh Assert AssignAddVariableOp AssignSubVariableOp AssignVariableOp Atan Atan2 Atanh AvgPool AvgPool3D
    BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd BiasAddV1 Bitcast BroadcastArgs
    BroadcastGradientArgs BroadcastTo Bucketize Case Cast Ceil CheckNumerics ClipByValue
    CombinedNonMaxSuppression Concat ConcatOffset ConcatV2 Const Conv2D Conv2DBackpropInput Conv3D Cos Cosh
    CropAndResize Cumprod Cumsum DepthToSpace DepthwiseConv2dNative Dequantize Dilation2D Div DivNoNan
    DynamicPartition DynamicStitch Einsum Elu Empty EmptyTensorList EnsureShape Enter Equal Erf Erfc Erfinv
    Exit Exp ExpandDims Expm1 ExtractImagePatches FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
    FakeQuantWithMinMaxVarsPerChannel Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2
    FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual HSVToRGB Identity IdentityN If
    ImageProjectiveTransformV2 ImageProjectiveTransformV3 InvertPermutation IsFinite IsInf IsNan L2Loss LRN
    LeakyRelu Less LessEqual LinSpace Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr LoopCond MatMul
    MatrixDiag MatrixDiagV3 MatrixSetDiagV3 Max MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax Maximum Mean
    Merge Min Minimum MirrorPad Mod Mul MulNoNan Neg NextIteration NoOp NonMaxSuppression
    NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NotEqual OneHot OnesLike
    Pack Pad PadV2 ParallelConcat PartitionedCall Placeholder PlaceholderWithDefault Pow PreventGradient
    Prod QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2 RGBToHSV
    RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt Range Rank ReadVariableOp RealDiv
    Reciprocal Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor ReverseV2
    Rint RngReadAndSkip RngSkip Roll Round Rsqrt ScatterNd SegmentMax SegmentMean SegmentMin SegmentSum
    Select SelectV2 Selu Shape ShapeN Sigmoid Sign Sin Sinh Size Slice Snapshot Softmax Softplus Softsign
    SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall
    StatelessCase StatelessIf StatelessMultinomial StatelessRandomGetAlg StatelessRandomGetKeyCounter
    StatelessRandomGetKeyCounterAlg StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomUniform
    StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
    StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormal StatelessTruncatedNormalV2
    StatelessWhile StopGradient StridedSlice Sub Sum Switch Tan Tanh TensorListElementShape
    TensorListFromTensor TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack
    TensorListReserve TensorListResize TensorListSetItem TensorListStack TensorScatterUpdate Tile TopK
    TopKV2 Transpose TruncateDiv TruncatedNormal Unique UniqueV2 Unpack UnsortedSegmentMax
    UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum VarHandleOp VarIsInitializedOp Where While
    Xdivy Xlogy ZerosLike
""")

# Those that may never end; allowed where nothing that runs leads to them.
LOOP_OPS = _names("Enter NextIteration StatelessWhile While")

# Ops by which a SavedModel is saved anew or, by TensorFlow 1, loaded; allowed where no call leads to them.
SAVING_OPS = _names("""
    DisableCopyOnRead MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename StaticRegexFullMatch StringJoin
""")
