// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

interface IUpgradeable {
    function upgradeToAndCall(address implementation, bytes calldata data) external payable;
}

/// @title The admin of a proxy: a contract that its owner tells to upgrade.
contract ProxyAdmin {
    address public immutable owner;

    error NotOwner();

    constructor(address owner_) {
        owner = owner_;
    }

    function upgradeAndCall(address proxy, address implementation, bytes calldata data) external payable {
        if (msg.sender != owner) revert NotOwner();
        IUpgradeable(proxy).upgradeToAndCall{value: msg.value}(implementation, data);
    }
}
