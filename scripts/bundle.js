/** What size-limit bundles: the whole of both packages, as a page that uses all of it would. */
import * as autograd from '@tessera/autograd';
import * as tensor from '@tessera/tensor';

export { autograd, tensor };
