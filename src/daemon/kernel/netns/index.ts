// SPDX-License-Identifier: Apache-2.0
/** Network namespaces: finding them and opening sockets in them. */
export { Namespace, namespacePath } from './namespace.js';
export { defaultNativeLibrary, loadNativeNet, type NativeNet } from './native.js';
