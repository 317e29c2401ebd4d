// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "./IERC20.sol";
import {IUniswapV2Router} from "./IUniswapV2Router.sol";

/// @title A Uniswap V2 router that pays every swap one to one from its own tokens.
contract StubRouter is IUniswapV2Router {
    function swapExactETHForTokens(
        uint256 amountOutMin,
        address[] calldata path,
        address to,
        uint256 deadline
    ) external payable returns (uint256[] memory amounts) {
        return _pay(msg.value, amountOutMin, path, to, deadline);
    }

    function swapExactTokensForTokens(
        uint256 amountIn,
        uint256 amountOutMin,
        address[] calldata path,
        address to,
        uint256 deadline
    ) external returns (uint256[] memory amounts) {
        require(IERC20(path[0]).transferFrom(msg.sender, address(this), amountIn), "TransferHelper: TRANSFER_FROM_FAILED");
        return _pay(amountIn, amountOutMin, path, to, deadline);
    }

    function _pay(
        uint256 value,
        uint256 amountOutMin,
        address[] calldata path,
        address to,
        uint256 deadline
    ) private returns (uint256[] memory amounts) {
        require(deadline >= block.timestamp, "UniswapV2Router: EXPIRED");
        require(path.length >= 2, "UniswapV2Library: INVALID_PATH");
        require(value >= amountOutMin, "UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT");
        amounts = new uint256[](path.length);
        for (uint256 i = 0; i < path.length; i++) {
            amounts[i] = value;
        }
        require(IERC20(path[path.length - 1]).transfer(to, value), "UniswapV2: TRANSFER_FAILED");
    }
}
