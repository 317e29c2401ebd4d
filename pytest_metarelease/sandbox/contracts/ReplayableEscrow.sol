// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Escrow} from "./Escrow.sol";

/// @title An Escrow that forgets which releases it has paid.
/// @notice It exists so that a check of signatures has something to find, and is deployed only by
/// the fault `replay-accepted`.
contract ReplayableEscrow is Escrow {
    constructor(
        address depositor_,
        address token_,
        uint256 amount_,
        address counterparty_,
        address arbiter_,
        bytes32 tradeHash_,
        address uniswapRouter_
    ) Escrow(depositor_, token_, amount_, counterparty_, arbiter_, tradeHash_, uniswapRouter_) {}

    function _remember(bytes32) internal pure override {}
}
