// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FixedEscrow} from "./FixedEscrow.sol";

/// @title A FixedEscrow that takes whatever is paid for its amount.
/// @notice It exists so that a check of deposits has something to find, and is deployed only by the
/// fault `fixed-deposit-loose`: one wei opens it.
contract LooseFixedEscrow is FixedEscrow {
    constructor(
        address depositor_,
        address token_,
        uint256 amount_,
        address counterparty_,
        address arbiter_,
        bytes32 tradeHash_,
        address uniswapRouter_
    ) FixedEscrow(depositor_, token_, amount_, counterparty_, arbiter_, tradeHash_, uniswapRouter_) {}

    function _takeDeposit() internal override returns (uint256) {
        if (token != address(0)) return super._takeDeposit();
        require(msg.value > 0, "Incorrect deposit amount");
        return amount;
    }
}
