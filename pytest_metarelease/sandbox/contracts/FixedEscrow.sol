// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EscrowBase} from "./EscrowBase.sol";
import {IERC20} from "./IERC20.sol";

/// @title Escrow of one trade whose amount is fixed when it is made.
/// @notice The deposit must be exactly `amount`, which never changes; what has left is counted in
/// `released`. An escrow that took whatever came could be opened with one wei.
contract FixedEscrow is EscrowBase {
    uint256 public immutable amount;
    uint256 public released;

    constructor(
        address depositor_,
        address token_,
        uint256 amount_,
        address counterparty_,
        address arbiter_,
        bytes32 tradeHash_,
        address uniswapRouter_
    ) EscrowBase(depositor_, token_, counterparty_, arbiter_, tradeHash_, uniswapRouter_) {
        require(amount_ > 0, "Amount is zero");
        amount = amount_;
    }

    function _takeDeposit() internal virtual override returns (uint256) {
        if (token == address(0)) {
            require(msg.value == amount, "Incorrect deposit amount");
        } else {
            require(msg.value == 0, "ETH sent to a token escrow");
            uint256 before = IERC20(token).balanceOf(address(this));
            _pull(amount);
            require(IERC20(token).balanceOf(address(this)) - before == amount, "Incorrect deposit amount");
        }
        return amount;
    }

    function _held() internal view override returns (uint256) {
        return amount - released;
    }

    function _spent(uint256 value) internal override {
        released += value;
    }
}
