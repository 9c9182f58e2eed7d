// What size-limit bundles to weigh every export of tensor and autograd.

import * as autograd from '@tessera/autograd';
import * as nn from '@tessera/autograd/nn';
import * as optim from '@tessera/autograd/optim';
import * as tensor from '@tessera/tensor';

export { autograd, nn, optim, tensor };
