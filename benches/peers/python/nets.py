"""The convolutional networks of the benchmarks, once for every library.

Each is a function of a builder `b`, which knows how a library convolves, and of its input. Weights are taken in the order of
the calls. `layers` lists what a network asks for, from which everybody makes the same weights.
"""


def alexnet(b, x):
    """In one piece, Krizhevsky 2014."""
    for i, (channels, kernel, stride, pad) in enumerate([(64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1)]):
        x = b.relu(b.conv(x, channels, kernel, stride, pad))
        x = b.max_pool(x, 3, 2) if i in (0, 1, 4) else x
    return classifier(b, x)


def vgg16(b, x):
    for channels, layers in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]:
        for _ in range(layers):
            x = b.relu(b.conv(x, channels, 3, 1, 1))
        x = b.max_pool(x, 2, 2)
    return classifier(b, x)


def classifier(b, x):
    x = b.relu(b.dense(b.flatten(x), 4096))
    return b.dense(b.relu(b.dense(x, 4096)), 1000)


def googlenet(b, x):
    """With batch normalisation and 3x3 in place of 5x5, without auxiliary heads."""
    def conv(x, channels, kernel, stride=1):
        return b.relu(b.norm(b.conv(x, channels, kernel, stride, kernel // 2, bias=False), 1e-3))

    def inception(x, one, reduce3, three, reduce5, five, project):
        paths = [conv(x, one, 1), conv(conv(x, reduce3, 1), three, 3), conv(conv(x, reduce5, 1), five, 3),
                 conv(b.max_pool(x, 3, 1, 1), project, 1)]
        return b.concat(paths)

    x = b.max_pool(conv(x, 64, 7, 2), 3, 2, ceil=True)
    x = b.max_pool(conv(conv(x, 64, 1), 192, 3), 3, 2, ceil=True)
    x = inception(x, 64, 96, 128, 16, 32, 32)
    x = b.max_pool(inception(x, 128, 128, 192, 32, 96, 64), 3, 2, ceil=True)
    x = inception(x, 192, 96, 208, 16, 48, 64)
    x = inception(x, 160, 112, 224, 24, 64, 64)
    x = inception(x, 128, 128, 256, 24, 64, 64)
    x = inception(x, 112, 144, 288, 32, 64, 64)
    x = b.max_pool(inception(x, 256, 160, 320, 32, 128, 128), 2, 2, ceil=True)
    x = inception(x, 256, 160, 320, 32, 128, 128)
    x = inception(x, 384, 192, 384, 48, 128, 128)
    return b.dense(b.mean(x), 1000)


def basic(b, x, inputs, channels, stride):
    y = b.relu(b.norm(b.conv(x, channels, 3, stride, 1, bias=False)))
    return b.norm(b.conv(y, channels, 3, 1, 1, bias=False))


def bottleneck(b, x, inputs, channels, stride):
    y = b.relu(b.norm(b.conv(x, channels // 4, 1, bias=False)))
    y = b.relu(b.norm(b.conv(y, channels // 4, 3, stride, 1, bias=False)))
    return b.norm(b.conv(y, channels, 1, bias=False))


def residual(b, x, block, inputs, channels, stride, project=True):
    y = block(b, x, inputs, channels, stride)
    if inputs != channels or stride != 1:
        x = b.norm(b.conv(x, channels, 1, stride, bias=False)) if project else b.pad_channels(x, channels, stride)
    return b.relu(b.add(y, x))


def resnet(block, blocks, widths):
    def net(b, x):
        x = b.max_pool(b.relu(b.norm(b.conv(x, 64, 7, 2, 3, bias=False))), 3, 2, 1)
        inputs = 64
        for stage, (count, channels) in enumerate(zip(blocks, widths)):
            for i in range(count):
                x = residual(b, x, block, inputs, channels, 2 if stage > 0 and i == 0 else 1)
                inputs = channels
        return b.dense(b.mean(x), 1000)
    return net


def resnet20(b, x):
    """CIFAR-10, shortcuts of option A."""
    x = b.relu(b.norm(b.conv(x, 16, 3, 1, 1, bias=False)))
    inputs = 16
    for stage, channels in enumerate([16, 32, 64]):
        for i in range(3):
            x = residual(b, x, basic, inputs, channels, 2 if stage > 0 and i == 0 else 1, project=False)
            inputs = channels
    return b.dense(b.mean(x), 10)


def squeezenet(b, x):
    x = b.max_pool(b.relu(b.conv(x, 64, 3, 2)), 3, 2, ceil=True)
    for i, channels in enumerate([16, 16, 32, 32, 48, 48, 64, 64]):
        x = b.relu(b.conv(x, channels, 1))
        x = b.concat([b.relu(b.conv(x, 4 * channels, 1)), b.relu(b.conv(x, 4 * channels, 3, 1, 1))])
        x = b.max_pool(x, 3, 2, ceil=True) if i in (1, 3) else x
    return b.mean(b.relu(b.conv(x, 1000, 1)))


def mobilenetv2(b, x):
    def conv(x, channels, kernel, stride=1, groups=1):
        return b.norm(b.conv(x, channels, kernel, stride, kernel // 2, groups, bias=False))

    x, inputs = b.relu6(conv(x, 32, 3, 2)), 32
    for t, channels, count, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(count):
            y = b.relu6(conv(x, t * inputs, 1)) if t > 1 else x
            y = b.relu6(conv(y, t * inputs, 3, stride if i == 0 else 1, t * inputs))
            y = conv(y, channels, 1)
            x = b.add(y, x) if i > 0 else y
            inputs = channels
    return b.dense(b.mean(b.relu6(conv(x, 1280, 1))), 1000)


NETS = {"alexnet": alexnet, "vgg16": vgg16, "googlenet": googlenet, "resnet18": resnet(basic, [2, 2, 2, 2], [64, 128, 256, 512]),
        "resnet50": resnet(bottleneck, [3, 4, 6, 3], [256, 512, 1024, 2048]), "resnet20": resnet20, "squeezenet": squeezenet,
        "mobilenetv2": mobilenetv2}
INPUT = {net: (3, 32, 32) if net == "resnet20" else (3, 224, 224) for net in NETS}


def pooled(size, kernel, stride, pad=0, ceil=False):
    """Outputs of a pool along an axis; a window that would start after the input is none."""
    span = size + 2 * pad - kernel
    out = (-(-span // stride) if ceil else span // stride) + 1
    return out - 1 if ceil and (out - 1) * stride >= size + pad else out


class Layers:
    """A builder that computes nothing: it notes each layer with weights, on inputs that are (channels, height, width)."""

    def __init__(self):
        self.found, self.macs = [], []

    def conv(self, x, channels, kernel, stride=1, pad=0, groups=1, bias=True):
        shape = (channels, x[0] // groups, kernel, kernel)
        self.found.append(("conv", shape, {"stride": stride, "pad": pad, "groups": groups, "bias": bias}))
        size = tuple((n + 2 * pad - kernel) // stride + 1 for n in x[1:])
        self.macs.append(channels * size[0] * size[1] * shape[1] * kernel * kernel)
        return (channels, *size)

    def norm(self, x, eps=1e-5):
        self.found.append(("norm", (x[0],), {"eps": eps}))
        return x

    def dense(self, x, units):
        self.found.append(("dense", (units, x[0]), {}))
        self.macs.append(units * x[0])
        return (units,)

    def relu(self, x):
        return x

    relu6 = relu

    def max_pool(self, x, kernel, stride, pad=0, ceil=False):
        return (x[0], *(pooled(n, kernel, stride, pad, ceil) for n in x[1:]))

    def pad_channels(self, x, channels, stride):
        return (channels, *(-(-n // stride) for n in x[1:]))

    def add(self, x, y):
        assert x == y, (x, y)
        return x

    def concat(self, xs):
        return (sum(x[0] for x in xs), *xs[0][1:])

    def flatten(self, x):
        return (x[0] * x[1] * x[2],)

    def mean(self, x):
        return (x[0],)


def layers(net):
    """[(kind, shape of its weight, options), ..] in order."""
    builder = Layers()
    NETS[net](builder, INPUT[net])
    return builder.found


def macs(net):
    """Multiply-adds of one sample forward, and those of the first layer, whose input needs no gradient."""
    builder = Layers()
    NETS[net](builder, INPUT[net])
    return sum(builder.macs), builder.macs[0]


def classes(net):
    return 10 if net == "resnet20" else 1000

# Questions about pixels: network, pictures, steps.
QUESTIONS = {"see_integrated_squeezenet_50": ("squeezenet", 1, 50), "see_pgd_lenet_64": ("lenet", 64, 20)}
