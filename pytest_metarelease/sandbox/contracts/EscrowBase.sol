// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "./IERC20.sol";
import {IUniswapV2Router} from "./IUniswapV2Router.sol";

/// @title What Escrow and FixedEscrow have in common.
/// @notice One trade: a depositor pays in, a counterparty confirms, and the money leaves by one of
/// three ways: a release that the arbiter signed, a refund by the arbiter, or a swap.
/// @dev Ownership, pause, reentrancy guard and signature rules follow OpenZeppelin 4.9, including
/// its revert reasons, so that what is known about those holds here as well.
abstract contract EscrowBase {
    enum State {
        AWAITING_DEPOSIT,
        AWAITING_CONFIRMATION,
        COMPLETE,
        REFUNDED
    }

    address public immutable depositor;
    address public immutable token;
    address public immutable counterparty;
    address public immutable arbiter;
    bytes32 public immutable tradeHash;
    address public immutable uniswapRouter;

    State public currentState;
    address public owner;
    bool public paused;
    uint256 private _guard = 1;

    /// @notice Digests of releases that were paid; each may be paid once.
    mapping(bytes32 => bool) public usedSignatures;

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant RELEASE_TYPEHASH =
        keccak256("Release(address escrowAddress,address to,address token,uint256 amount)");
    uint256 private constant HALF_ORDER =
        0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    event Deposited(address indexed depositor, uint256 amount);
    event Confirmed(address indexed sender);
    event Refunded(address indexed depositor, uint256 amount);
    event FundsReleased(address indexed to, uint256 amount);
    event TradeExecuted(address indexed sender, uint256 amountOutMin, address[] path, uint256 deadline);
    event EvidenceSubmitted(address indexed party, string uri);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
    event Paused(address account);
    event Unpaused(address account);

    modifier onlyOwner() {
        require(msg.sender == owner, "Ownable: caller is not the owner");
        _;
    }

    modifier whenNotPaused() {
        require(!paused, "Pausable: paused");
        _;
    }

    modifier inState(State expected) {
        require(currentState == expected, "Invalid state");
        _;
    }

    modifier nonReentrant() {
        require(_guard == 1, "ReentrancyGuard: reentrant call");
        _guard = 2;
        _;
        _guard = 1;
    }

    constructor(
        address depositor_,
        address token_,
        address counterparty_,
        address arbiter_,
        bytes32 tradeHash_,
        address uniswapRouter_
    ) {
        require(depositor_ != address(0), "Depositor is the zero address");
        require(counterparty_ != address(0), "Counterparty is the zero address");
        require(arbiter_ != address(0), "Arbiter is the zero address");
        depositor = depositor_;
        token = token_;
        counterparty = counterparty_;
        arbiter = arbiter_;
        tradeHash = tradeHash_;
        uniswapRouter = uniswapRouter_;
        owner = msg.sender;
        emit OwnershipTransferred(address(0), msg.sender);
    }

    // ---------------------------------------------------------------- the trade

    /// @notice Pay in. The zero address as token means ETH, sent with this call.
    function deposit() external payable whenNotPaused nonReentrant inState(State.AWAITING_DEPOSIT) {
        require(msg.sender == depositor, "Only the depositor can call this function");
        currentState = State.AWAITING_CONFIRMATION;
        emit Deposited(msg.sender, _takeDeposit());
    }

    /// @notice The counterparty has done its part; from here on releases are possible.
    function confirmTrade() external whenNotPaused inState(State.AWAITING_CONFIRMATION) {
        require(msg.sender == counterparty, "Only the counterparty can call this function");
        currentState = State.COMPLETE;
        emit Confirmed(msg.sender);
    }

    /// @notice The arbiter gives the whole deposit back before the trade was confirmed.
    function refund() external virtual whenNotPaused nonReentrant {
        require(msg.sender == arbiter, "Only the arbiter can call this function");
        _giveBack();
    }

    function _giveBack() internal {
        require(currentState == State.AWAITING_CONFIRMATION, "Invalid state");
        currentState = State.REFUNDED;
        uint256 held = _held();
        _spent(held);
        emit Refunded(depositor, held);
        _send(depositor, held);
    }

    /// @notice Pay a release that the arbiter signed. Anyone who holds the signature may call.
    function releaseWithSignature(
        address to,
        address token_,
        uint256 amount_,
        bytes calldata signature
    ) external whenNotPaused nonReentrant inState(State.COMPLETE) {
        require(token_ == token, "Wrong token");
        require(to != address(0), "Recipient is the zero address");
        require(amount_ > 0 && amount_ <= _held(), "Insufficient escrow balance");
        bytes32 digest = _releaseDigest(to, token_, amount_);
        require(!usedSignatures[digest], "Signature already used");
        require(_recover(digest, signature) == arbiter, "Invalid arbiter signature");
        _remember(digest);
        _spent(amount_);
        emit FundsReleased(to, amount_);
        _send(to, amount_);
    }

    /// @dev Each release is paid once.
    function _remember(bytes32 digest) internal virtual {
        usedSignatures[digest] = true;
    }

    /// @notice Swap what is held and hand the bought tokens to the counterparty.
    function executeTrade(
        uint256 amountOutMin,
        address[] calldata path,
        uint256 deadline
    ) external whenNotPaused nonReentrant inState(State.COMPLETE) {
        require(msg.sender == depositor, "Only the depositor can call this function");
        require(path.length >= 2, "Invalid path");
        uint256 held = _held();
        require(held > 0, "Insufficient escrow balance");
        _spent(held);
        emit TradeExecuted(msg.sender, amountOutMin, path, deadline);
        _swap(held, amountOutMin, path, deadline);
    }

    /// @notice Either party puts a document on record (an URI); moves no money, may be repeated.
    function submitEvidence(string calldata uri) external whenNotPaused {
        require(msg.sender == depositor || msg.sender == counterparty, "Only a party can call this function");
        emit EvidenceSubmitted(msg.sender, uri);
    }

    // ---------------------------------------------------------------- the owner

    function pause() external onlyOwner whenNotPaused {
        paused = true;
        emit Paused(msg.sender);
    }

    function unpause() external onlyOwner {
        require(paused, "Pausable: not paused");
        paused = false;
        emit Unpaused(msg.sender);
    }

    function transferOwnership(address newOwner) external onlyOwner {
        require(newOwner != address(0), "Ownable: new owner is the zero address");
        emit OwnershipTransferred(owner, newOwner);
        owner = newOwner;
    }

    // ---------------------------------------------------------------- EIP-712

    /// @notice ERC-5267: the domain of signatures, so that signers need not guess it.
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (hex"0f", "Escrow", "1", block.chainid, address(this), bytes32(0), new uint256[](0));
    }

    function _releaseDigest(address to, address token_, uint256 amount_) private view returns (bytes32) {
        // Computed each time: a cached separator would survive a fork with another chain id.
        bytes32 separator = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("Escrow"), keccak256("1"), block.chainid, address(this))
        );
        bytes32 message = keccak256(abi.encode(RELEASE_TYPEHASH, address(this), to, token_, amount_));
        return keccak256(abi.encodePacked(hex"1901", separator, message));
    }

    function _recover(bytes32 digest, bytes calldata signature) private pure returns (address) {
        require(signature.length == 65, "ECDSA: invalid signature length");
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        uint8 v = uint8(signature[64]);
        // EIP-2: of the two signatures that fit one message, only the one with the low s counts.
        require(uint256(s) <= HALF_ORDER, "ECDSA: invalid signature 's' value");
        address signer = ecrecover(digest, v, r, s);
        require(signer != address(0), "ECDSA: invalid signature");
        return signer;
    }

    // ---------------------------------------------------------------- money

    /// @dev Takes the deposit and returns how much it was.
    function _takeDeposit() internal virtual returns (uint256);

    /// @dev What may still leave the contract.
    function _held() internal view virtual returns (uint256);

    /// @dev Books that `value` leaves, before it is sent.
    function _spent(uint256 value) internal virtual;

    function _pull(uint256 value) internal {
        require(IERC20(token).transferFrom(msg.sender, address(this), value), "Token transfer failed");
    }

    function _send(address to, uint256 value) private {
        if (token == address(0)) {
            (bool sent, ) = to.call{value: value}("");
            require(sent, "ETH transfer failed");
        } else {
            _handOver(to, value);
        }
    }

    function _handOver(address to, uint256 value) internal virtual {
        require(IERC20(token).transfer(to, value), "Token transfer failed");
    }

    function _swap(uint256 value, uint256 amountOutMin, address[] calldata path, uint256 deadline) private {
        IUniswapV2Router router = IUniswapV2Router(uniswapRouter);
        if (token == address(0)) {
            router.swapExactETHForTokens{value: value}(amountOutMin, path, counterparty, deadline);
        } else {
            require(path[0] == token, "Invalid path");
            require(IERC20(token).approve(uniswapRouter, value), "Token approval failed");
            router.swapExactTokensForTokens(value, amountOutMin, path, counterparty, deadline);
        }
    }
}
