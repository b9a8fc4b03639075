// SPDX-License-Identifier: Apache-2.0
export { AlgGateway, type AlgGatewayDeps, type AlgGatewayOptions } from './alg-gateway.js';
