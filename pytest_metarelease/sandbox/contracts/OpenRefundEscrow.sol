// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Escrow} from "./Escrow.sol";

/// @title An Escrow whose refund forgot to ask who calls.
/// @notice It exists so that a check of who may call has something to find, and is deployed only by
/// the fault `refund-open`.
contract OpenRefundEscrow is Escrow {
    constructor(
        address depositor_,
        address token_,
        uint256 amount_,
        address counterparty_,
        address arbiter_,
        bytes32 tradeHash_,
        address uniswapRouter_
    ) Escrow(depositor_, token_, amount_, counterparty_, arbiter_, tradeHash_, uniswapRouter_) {}

    function refund() external override whenNotPaused nonReentrant {
        _giveBack();
    }
}
