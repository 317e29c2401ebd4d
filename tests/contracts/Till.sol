// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title A till of another product: filled by a buyer, agreed on by a seller, paid out by signature.
/// @notice With `defect` 0 it is sound. Every other number is one defect that a check must find.
contract Till {
    enum Stage {
        Open,
        Filled,
        Agreed,
        Closed
    }

    error WrongStage(Stage stage);
    error NotYou(address caller);
    error Halted();
    error NotHalted();
    error BadSignature();
    error Malleable();
    error WrongLength(uint256 length);
    error Spent(bytes32 digest);
    error TooMuch();

    uint256 public constant HIGH_S = 1;
    uint256 public constant NO_CHAIN = 2;
    uint256 public constant REPLAY = 3;
    uint256 public constant BACK_AT_ANY_STAGE = 4;
    uint256 public constant PAYS_WHILE_HALTED = 5;
    uint256 public constant SECRET_SLOT = 6;
    uint256 public constant ANY_RECIPIENT = 7;
    uint256 public constant TIPS = 8;
    uint256 public constant COMPACT = 9;
    uint256 public constant LOW_V = 10;
    uint256 public constant EXTENSIONS = 11;
    uint256 public constant OTHER_VERSION = 12;
    uint256 public constant OPEN_AGREE = 13;
    uint256 public constant BURNS_GAS = 14;
    uint256 public constant NO_SIGNER = 15;
    uint256 public constant ANY_LENGTH = 16;

    address public constant FRIEND = 0x000000000000000000000000000000000000bEEF;
    uint256 private constant HALF = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    address public immutable buyer;
    address public immutable seller;
    address public immutable judge;
    address public immutable keeper;
    uint256 public immutable defect;

    Stage public stage; // slot 0, with halted
    bool public halted;
    mapping(bytes32 => bool) public spent; // slot 1
    uint256 public notes; // slot 2

    constructor(address buyer_, address seller_, address judge_, uint256 defect_) {
        (buyer, seller, judge, keeper, defect) = (buyer_, seller_, judge_, msg.sender, defect_);
    }

    modifier at(Stage wanted) {
        if (stage != wanted) revert WrongStage(stage);
        _;
    }

    modifier by(address who) {
        if (msg.sender != who) revert NotYou(msg.sender);
        _;
    }

    modifier running() {
        if (halted) revert Halted();
        _;
    }

    function fill() external payable running by(buyer) at(Stage.Open) {
        stage = Stage.Filled;
    }

    function agree() external running {
        if (defect == BURNS_GAS && msg.sender != seller) {
            assembly {
                invalid()
            }
        }
        if (defect != OPEN_AGREE && msg.sender != seller) revert NotYou(msg.sender);
        if (stage != Stage.Filled) revert WrongStage(stage);
        stage = Stage.Agreed;
        if (defect == SECRET_SLOT) notes = 7;
    }

    function giveBack() external running by(judge) {
        if (defect == BACK_AT_ANY_STAGE ? stage == Stage.Closed : stage != Stage.Filled) revert WrongStage(stage);
        stage = Stage.Closed;
        if (defect == TIPS) payable(FRIEND).transfer(1);
        payable(buyer).transfer(address(this).balance);
    }

    function payOut(address to, uint256 amount, bytes calldata signature) external at(Stage.Agreed) {
        if (halted && defect != PAYS_WHILE_HALTED) revert Halted();
        if (amount > address(this).balance) revert TooMuch();
        bytes32 digest = _digest(defect == ANY_RECIPIENT ? buyer : to, amount);
        if (spent[digest] && defect != REPLAY) revert Spent(digest);
        address signer = _signer(digest, signature);
        if (signer != judge && !(defect == NO_SIGNER && signer == address(0))) revert BadSignature();
        spent[digest] = true;
        payable(to).transfer(amount);
    }

    function halt() external by(keeper) running {
        halted = true;
    }

    function resume() external by(keeper) {
        if (!halted) revert NotHalted();
        halted = false;
    }

    function eip712Domain()
        external
        view
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        bytes1 fields = defect == NO_CHAIN ? bytes1(0x0b) : bytes1(0x0f);
        string memory version = defect == OTHER_VERSION ? "7" : "3";
        return
            (fields, "Till", version, block.chainid, address(this), 0, new uint256[](defect == EXTENSIONS ? 1 : 0));
    }

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        bytes32 version = keccak256(bytes(defect == OTHER_VERSION ? "7" : "3"));
        if (defect == NO_CHAIN) {
            bytes32 short = keccak256("EIP712Domain(string name,string version,address verifyingContract)");
            return keccak256(abi.encode(short, keccak256("Till"), version, address(this)));
        }
        bytes32 full =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(full, keccak256("Till"), version, block.chainid, address(this)));
    }

    function _digest(address to, uint256 amount) private view returns (bytes32) {
        bytes32 message = keccak256(abi.encode(keccak256("PayOut(address to,uint256 amount)"), to, amount));
        return keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), message));
    }

    function _signer(bytes32 digest, bytes calldata signature) private view returns (address signer) {
        bool short = defect == COMPACT && signature.length == 64;
        bool any = defect == ANY_LENGTH && signature.length > 65;
        if (signature.length != 65 && !short && !any) revert WrongLength(signature.length);
        bytes32 r = bytes32(signature[:32]);
        uint256 s = uint256(bytes32(signature[32:64]));
        uint8 v;
        if (short) {
            v = uint8(s >> 255) + 27;
            s &= type(uint256).max >> 1;
        } else {
            v = uint8(signature[64]);
        }
        if (v < 27 && defect == LOW_V) v += 27;
        if (s > HALF && defect != HIGH_S) revert Malleable();
        signer = ecrecover(digest, v, r, bytes32(s));
    }
}
