// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Escrow} from "./Escrow.sol";
import {IERC20} from "./IERC20.sol";

/// @title An Escrow that does not look at what a token says of its transfer.
/// @notice It exists so that a check of flows with tokens has something to find, and is deployed
/// only by the fault `token-answers-ignored`. With ETH it does what Escrow does.
contract CarelessEscrow is Escrow {
    constructor(
        address depositor_,
        address token_,
        uint256 amount_,
        address counterparty_,
        address arbiter_,
        bytes32 tradeHash_,
        address uniswapRouter_
    ) Escrow(depositor_, token_, amount_, counterparty_, arbiter_, tradeHash_, uniswapRouter_) {}

    function _handOver(address to, uint256 value) internal override {
        IERC20(token).transfer(to, value);
    }
}
